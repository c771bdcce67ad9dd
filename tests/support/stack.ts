import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import ts from "typescript";
import type { ImageInputs, Manifest, Program } from "../../local/program";
import type { PinInputs } from "../../pin";
import type { SideloadInputs } from "../../worker/sideload";

const ROOT = join(__dirname, "..", "..");
const SOURCES = [
  "index.ts",
  "namespace.ts",
  "pin.ts",
  "requirements.ts",
  "rules.ts",
  "settings.ts",
  "cluster.ts",
  "workload.ts",
  "worker",
  "nginx",
  "monitoring",
  "local/program.ts",
  "local/stackConfig.ts",
  "Pulumi.yaml",
];

/** The UID of the cluster that the program finds. */
const UID = "a5ce2c40-3b6e-4a0e-8d9f-0c5d7b1e2f34";

const compiled = new Map<string, string>();

/** Compiles the modules of a copy. Jest would compile each copy from the start, because its cache depends on paths. */
function compile(copy: string): void {
  const folders = new Set(SOURCES.filter((source) => source.endsWith(".ts")).map(dirname));
  for (const folder of [...folders, "worker", "nginx", "monitoring"]) {
    for (const file of readdirSync(join(copy, folder)).filter((name) => name.endsWith(".ts"))) {
      const source = readFileSync(join(copy, folder, file), "utf8");
      let code = compiled.get(source);
      if (code === undefined) {
        const options = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023, esModuleInterop: true };
        code = ts.transpileModule(source, { compilerOptions: options }).outputText;
        compiled.set(source, code);
      }
      writeFileSync(join(copy, folder, file.replace(/\.ts$/, ".js")), code);
    }
  }
}

/** What the program declared, and the inputs of its effects. */
export interface Deployed extends Program {
  readonly images: readonly ImageInputs[];
  readonly sideloads: readonly SideloadInputs[];
  readonly pins: readonly PinInputs[];
}

/**
 * Copies of the project: modules run once, so each run of the program has one of its own, in which nobody who deploys
 * meanwhile finds our bundle in his build context.
 */
export class StackCopies {
  private readonly folder = mkdtempSync(join(tmpdir(), "coinflip-stack-"));
  private readonly cwd = process.cwd();
  private count = 0;

  constructor() {
    // Pulumi takes a stack trace for each promise, and Jest makes them 100 frames deep.
    Error.stackTraceLimit = 10;
    this.current = "kind-flips";
  }

  /** Which of the kubeconfig's contexts is the current one. */
  set current(context: string) {
    const contexts = ["kind-flips", "k3d-flips", "prod"];
    const kubeconfig = {
      "current-context": context,
      contexts: contexts.map((name) => ({ name, context: { cluster: name } })),
      clusters: contexts.map((name) => ({ name, cluster: { server: `https://${name}.example:6443` } })),
    };
    process.env.KUBECONFIG = join(this.folder, "kubeconfig");
    writeFileSync(process.env.KUBECONFIG, JSON.stringify(kubeconfig));
  }

  /** Copies the project and goes there. */
  private copy(): string {
    const copy = join(this.folder, String(this.count++));
    for (const source of SOURCES) cpSync(join(ROOT, source), join(copy, source), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
    process.chdir(copy);
    return copy;
  }

  /** Runs the program with the defaults of Pulumi.yaml and these values over them, after `edit` had a hand in it. */
  async run(config: Readonly<Record<string, string>> = {}, edit?: (copy: string) => void): Promise<Deployed> {
    const copy = this.copy();
    edit?.(copy);
    compile(copy);
    const { runProgram } = require(join(copy, "local", "program")) as typeof import("../../local/program");
    const { resolvedConfig } = require(join(copy, "local", "stackConfig")) as typeof import("../../local/stackConfig");
    const images: ImageInputs[] = [];
    const sideloads: SideloadInputs[] = [];
    const pins: PinInputs[] = [];
    const own = Object.fromEntries(Object.entries(config).map(([name, value]) => [`coinflip:${name}`, value]));
    const program = await runProgram(
      { ...(await resolvedConfig()), ...own },
      {
        async image(inputs) {
          images.push(inputs);
          return inputs.skipPush ? undefined : `${inputs.imageName.replace(/:\w+$/, "")}@sha256:${"0a".repeat(32)}`;
        },
        async sideload(inputs) {
          sideloads.push(inputs);
        },
        async pin(inputs) {
          pins.push(inputs);
          return UID;
        },
        selfSigned: async ({ host }) => ({ certificate: `certificate of ${host}`, key: `key of ${host}` }),
      },
    );
    return { ...program, images, sideloads, pins };
  }

  remove(): void {
    process.chdir(this.cwd);
    rmSync(this.folder, { recursive: true });
  }
}

/** The fields of a manifest that tests look at; all the others are unknown. */
export interface K8sObject extends Manifest {
  readonly spec: {
    readonly replicas: number;
    readonly type?: string;
    readonly clusterIP?: string;
    readonly externalTrafficPolicy?: string;
    readonly selector: Record<string, unknown>;
    readonly ports: readonly Record<string, unknown>[];
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: PodSpec;
    };
  };
}
export interface PodSpec {
  readonly [field: string]: unknown;
  readonly containers: readonly Container[];
}
export interface Container {
  readonly [field: string]: unknown;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly readinessProbe: { readonly periodSeconds: number; readonly failureThreshold: number };
}

/** The one object of a kind and a name, or the only one of the kind. */
export function objectOf({ manifests }: Program, kind: string, name?: string): K8sObject {
  const found = manifests.filter((each) => each.kind === kind && (name === undefined || each.metadata.name === name));
  expect([kind, name, found.length]).toEqual([kind, name, 1]);
  return found[0] as K8sObject;
}

export const podOf = (program: Program, name: string): PodSpec =>
  objectOf(program, "Deployment", name).spec.template.spec;
export const containerOf = (program: Program, name: string) => podOf(program, name).containers[0] as Container;
