import { cannotHost, installPackages, PACKAGES } from "../local/cluster/packages";

/** Before all tests: the Debian packages that they take, where a local cluster can be made at all. */
export default async function setUp(): Promise<void> {
  if (cannotHost() === undefined) await installPackages(() => undefined, [...PACKAGES, "docker-registry"]);
}
