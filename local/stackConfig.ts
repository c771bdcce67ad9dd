import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { type Document, parse, parseDocument } from "yaml";
import { ENCRYPTED } from "../rules";
import { readSettings } from "../settings";

/** The stack that `npm run up` makes; its file is this machine's own, and not committed. */
export const STACK = "local";
export const root = join(__dirname, "..");
export const stackFile = (stack: string) => join(root, `Pulumi.${stack}.yaml`);
const PROJECT = "coinflip";
const key = (name: string) => `${PROJECT}:${name}`;

async function read(stack = STACK): Promise<Document> {
  const file = stackFile(stack);
  const document = parseDocument(existsSync(file) ? await readFile(file, "utf8") : "config: {}\n");
  if (document.errors.length > 0) throw new Error(`${file} is not YAML: ${document.errors[0]?.message}`);
  return document;
}

/** One value as the stack's file has it, or undefined. */
export async function getConfig(name: string): Promise<unknown> {
  return (await read()).getIn(["config", key(name)]);
}

/**
 * Writes values as `pulumi config set` does; undefined removes one.
 *
 * @throws pulumi.RunError, and writes nothing, if the program would refuse the configuration
 */
export async function setConfig(values: Readonly<Record<string, string | undefined>>): Promise<void> {
  const document = await read();
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) document.deleteIn(["config", key(name)]);
    else document.setIn(["config", ...key(name).split(".")], value);
  }
  pulumi.runtime.setAllConfig(asText(await withDefaults(document), () => ENCRYPTED));
  readSettings(new pulumi.Config(PROJECT));
  // It may hold a registry's password.
  await writeFile(stackFile(STACK), document.toString(), { mode: 0o600 });
}

/** The defaults of Pulumi.yaml. */
export async function defaults(): Promise<Record<string, unknown>> {
  const project = parse(await readFile(join(root, "Pulumi.yaml"), "utf8"));
  return Object.fromEntries(
    Object.entries(project.config as Record<string, { default: unknown }>).map(([name, { default: value }]) => [
      name,
      value,
    ]),
  );
}

/**
 * The configuration as the Pulumi CLI hands it to the program: the defaults, then the stack's own, all as text.
 *
 * @throws Error for an encrypted value, which only the CLI can read
 */
export async function resolvedConfig(stack = STACK): Promise<Record<string, string>> {
  return asText(await withDefaults(await read(stack)), (name) => {
    throw new Error(`${name} is encrypted, and only the Pulumi CLI can read it`);
  });
}

async function withDefaults(document: Document): Promise<Record<string, unknown>> {
  const own = (document.toJS() as { config?: Record<string, unknown> }).config ?? {};
  const given = Object.fromEntries(Object.entries(await defaults()).map(([name, value]) => [key(name), value]));
  return { ...given, ...own };
}

/** Objects as JSON, in which `decrypt` stands in for each `{secure: …}`. */
function asText(config: Record<string, unknown>, decrypt: (name: string) => string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => {
      const plain = (_: string, each: unknown) =>
        typeof each === "object" && each !== null && "secure" in each ? decrypt(name) : each;
      return [name, typeof value === "object" ? JSON.stringify(value, plain) : String(value)];
    }),
  );
}
