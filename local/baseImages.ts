import type { Cluster } from "../cluster";
import { loadImage } from "../worker/sideload";
import { type BaseImage, cannotPull, isStandIn, provideStandIn } from "./images";
import { defaults, getConfig, setConfig } from "./stackConfig";

/** Brings the base images to the cluster that `up` has created. Others stand in for the usual ones that cannot be pulled. */
export async function provideImages(cluster: Cluster): Promise<string | undefined> {
  const watched = (await getConfig("monitoring")) === "on";
  const settings: readonly BaseImage[] = ["nodeImage", "nginxImage", ...(watched ? ["prometheusImage" as const] : [])];
  let refused: string | undefined;
  for (const setting of settings) {
    const own = await getConfig(setting);
    // A stand-in from an earlier `up` is not the user's own setting.
    const asked = typeof own === "string" && !isStandIn(own) ? own : undefined;
    const image = asked ?? String((await defaults())[setting]);
    const reason = await cannotPull(image);
    if (reason !== undefined && asked !== undefined) throw new Error(`${setting} ${image} cannot be pulled: ${reason}`);
    refused ??= reason;
    const provided = reason === undefined ? image : await provideStandIn(setting);
    // The worker's base image is only built upon.
    if (setting !== "nodeImage") await loadImage(provided, cluster);
    await setConfig({ [setting]: reason === undefined ? asked : provided });
  }
  const told = refused && `made from Debian packages, since no image registry could be reached (${refused})`;
  const lacking = watched && (await provideGrafana(cluster));
  return [told, lacking].filter(Boolean).join("; ");
}

/** Brings Grafana's image to the local cluster. Debian has none to stand in for it. */
async function provideGrafana(cluster: Cluster): Promise<string | undefined> {
  const asked = await getConfig("grafanaImage");
  if (asked === "") return undefined;
  const image = String(asked ?? (await defaults()).grafanaImage);
  const reason = await cannotPull(image);
  if (reason === undefined) {
    await loadImage(image, cluster);
    return undefined;
  }
  if (asked !== undefined) throw new Error(`grafanaImage ${image} cannot be pulled: ${reason}`);
  await setConfig({ grafanaImage: "" });
  return "Grafana is left out, for its image cannot be pulled, and Debian has none";
}
