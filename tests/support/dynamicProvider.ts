import { Module } from "node:module";
import * as pulumi from "@pulumi/pulumi";

/** A dynamic resource's inputs, and its provider as the engine gets it: as text, and evaluated by itself. */
export interface Registered<Inputs> {
  readonly provider: pulumi.dynamic.ResourceProvider<Inputs, Inputs>;
  readonly inputs: Inputs;
}

/** Makes a dynamic resource under mocks, and returns what the engine would have run. */
export async function providerOf<Inputs>(make: () => pulumi.dynamic.Resource): Promise<Registered<Inputs>> {
  const registered = new Promise<Inputs & { __provider: string }>((resolve) => {
    const newResource = ({ inputs }: pulumi.runtime.MockResourceArgs) => {
      resolve(inputs as Inputs & { __provider: string });
      return { id: "id", state: inputs as Record<string, unknown> };
    };
    pulumi.runtime.setMocks({ newResource, call: () => ({}) }, "coinflip").then(make);
  });
  const { __provider: text, ...inputs } = await registered;
  const module = new Module("provider") as Module & { _compile: (code: string, file: string) => void };
  module.require = require as NodeJS.Require;
  module._compile(text, "provider");
  const { handler } = module.exports as { handler: () => Registered<Inputs>["provider"] };
  return { provider: handler(), inputs: inputs as Inputs };
}
