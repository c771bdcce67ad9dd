import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { KeyPair, SelfSignedInputs } from "../nginx/certificate";
import type { PinInputs } from "../pin";
import type { Build, SideloadInputs } from "../worker/sideload";

/** An object as `kubectl apply` takes it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

export interface ImageInputs {
  readonly imageName: string;
  readonly build: Build;
  readonly skipPush: boolean;
  readonly registry?: { readonly server: string; readonly username?: string; readonly password?: string };
}

/** What the providers of the resources that are not Kubernetes' would do. */
export interface Effects {
  /** Builds and maybe pushes an image; returns the reference that pods pull, if it was pushed. */
  readonly image: (inputs: ImageInputs) => Promise<string | undefined>;
  readonly sideload: (inputs: SideloadInputs) => Promise<void>;
  /** Throws if the stack may not be deployed to the cluster, or the cluster lacks what the stack requires. Returns its UID. */
  readonly pin: (inputs: PinInputs) => Promise<string>;
  /** The certificate that is there already, or a new one. */
  readonly selfSigned: (inputs: SelfSignedInputs) => Promise<KeyPair>;
}

export interface Program {
  readonly manifests: readonly Manifest[];
  readonly outputs: Readonly<Record<"endpoint" | "url" | "image" | "namespace", string>> & { readonly workers: number };
}

/** Resources that only the engine has a use for. */
const EFFECTLESS = /^pulumi:providers:|:Autoscaled$/;

/**
 * Runs index.ts as the Pulumi engine would, under the SDK's mock monitor: with the effects given here, and with the
 * Kubernetes objects collected in place of being created. Once in a process, for a module runs once.
 *
 * @param config the stack's configuration, by names with their namespace, such as `coinflip:workers`
 * @throws what the program or an effect throws
 */
export async function runProgram(config: Readonly<Record<string, string>>, effects: Effects): Promise<Program> {
  const manifests: Manifest[] = [];
  const newResource = async ({ type, name, custom, inputs: given }: pulumi.runtime.MockResourceArgs) => {
    const inputs = withoutSecrets(given) as Record<string, unknown>;
    let state = inputs;
    if (type === "docker:index/image:Image") {
      const repoDigest = await effects.image(inputs as unknown as ImageInputs);
      state = { ...inputs, repoDigest };
    } else if (type === "pulumi-nodejs:dynamic/coinflip:Sideload") {
      await effects.sideload(inputs as unknown as SideloadInputs);
    } else if (type === "pulumi-nodejs:dynamic/coinflip:ClusterPin") {
      state = { ...inputs, uid: await effects.pin(inputs as unknown as PinInputs) };
    } else if (type === "pulumi-nodejs:dynamic/coinflip:SelfSigned") {
      state = { ...inputs, ...(await effects.selfSigned(inputs as unknown as SelfSignedInputs)) };
    } else if (type.startsWith("kubernetes:")) {
      state = named(name, inputs);
      manifests.push(state as Manifest);
    } else if (custom && !EFFECTLESS.test(type)) {
      throw new Error(`${name} is a ${type}, which only the Pulumi CLI can deploy`);
    }
    return { id: `${name}-id`, state };
  };
  // The SDK reports a failed resource wherever its outputs were going; the first failure says it all.
  const ignore = () => undefined;
  process.on("unhandledRejection", ignore);
  try {
    return await new Promise<Program>((resolve, reject) => {
      const mocks: pulumi.runtime.Mocks = {
        newResource: (args) =>
          newResource(args).catch((error) => {
            reject(error);
            throw error;
          }),
        call: () => ({}),
      };
      const run = async () => {
        await pulumi.runtime.setMocks(mocks, "coinflip", "local");
        pulumi.runtime.setAllConfig({ ...config });
        const exported = require("../index") as typeof import("../index");
        const outputs = await new Promise<Program["outputs"]>((known) => {
          pulumi.output({ ...exported }).apply((values) => known(values as Program["outputs"]));
        });
        await pulumi.runtime.disconnect(); // Waits for what is still being registered.
        resolve({ manifests, outputs });
      };
      run().catch(reject);
    });
  } finally {
    process.off("unhandledRejection", ignore);
  }
}

/** Pulumi names an object that has no name; here the name says the content, so that other content is another object. */
function named(name: string, inputs: Record<string, unknown>): Record<string, unknown> {
  const metadata = (inputs.metadata ?? {}) as Record<string, unknown>;
  if (metadata.name !== undefined) return inputs;
  const hash = createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 10);
  return { ...inputs, metadata: { ...metadata, name: `${name}-${hash}` } };
}

/** The signature by which the SDK marks an object as something else than it looks, and the one of secrets. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  const object = value as Record<string, unknown>;
  if (object[SIGNATURE] === SECRET) return withoutSecrets(object.value);
  return Object.fromEntries(Object.entries(object).map(([key, each]) => [key, withoutSecrets(each)]));
}
