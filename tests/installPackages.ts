import { cannotHost, installPackages, PACKAGES } from "../local/cluster/packages";
import { CILIUM_PACKAGES } from "./e2e/network/cilium";

/** Before all tests: the Debian packages that they take, where a local cluster can be made at all. */
export default async function setUp(): Promise<void> {
  if (cannotHost() !== undefined) return;
  await installPackages(() => undefined, [...PACKAGES, "docker-registry"]);
  // Not every release has them: the suite that takes them says so.
  await installPackages(() => undefined, CILIUM_PACKAGES).catch(() => undefined);
}
