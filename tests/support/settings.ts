import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { readSettings, type Settings } from "../../settings";

interface Project {
  readonly config: Record<keyof Settings, { type: string; default: unknown; description: string }>;
}
/** Reads a file of the project. */
export const read = (file: string) => readFileSync(join(__dirname, "..", "..", file), "utf8");
/** The settings as Pulumi.yaml declares them. */
export const { config: declared } = parse(read("Pulumi.yaml")) as Project;
const defaults = Object.fromEntries(
  Object.entries(declared).map(([name, { default: value }]) => [
    name,
    typeof value === "object" ? JSON.stringify(value) : String(value),
  ]),
);

/** Reads the defaults of Pulumi.yaml with other values over them; undefined takes one away. */
export function settingsWith(values: Record<string, string | undefined> = {}): Settings {
  const config: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...defaults, ...values })) {
    if (value !== undefined) config[name.includes(":") ? name : `coinflip:${name}`] = value;
  }
  pulumi.runtime.setAllConfig(config);
  return readSettings();
}

beforeAll(() => pulumi.runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }, "coinflip"));
