import { installPackages, isDebianRoot } from "../../local/debian";

/** What nginxRoot.ts and promtool.ts run. */
const PACKAGES = ["iproute2", "mmdebstrap", "mount", "util-linux"];

/** Installs the Debian packages that the host tests need. On other machines the tests print why they are skipped. */
export default async function setUp(): Promise<void> {
  if (isDebianRoot()) await installPackages(() => undefined, PACKAGES);
}
