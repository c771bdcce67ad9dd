import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { TopLevelSpec } from "vega-lite";
import { BOUNDS, goodness, short } from "./bounds";
import type { Result } from "./measure";

interface Row {
  readonly id: string;
  readonly what: string;
  readonly label: string;
  readonly met: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly moonshot: number;
}

const MET = "as asked";
const MISSED = "not as asked";
const GREEN = "#1b7f5c";
const RED = "#b3261e";
const GREY = "#8a8a8a";

function rowOf({ id, ratio, spread }: Result): Row {
  const bound = BOUNDS[id];
  if (bound === undefined) throw new Error(`there is no bound for ${id}`);
  const ends = spread.map((end) => goodness(bound, end));
  const value = goodness(bound, ratio);
  const asked =
    bound.atLeast === undefined ? `at most ${bound.atMost}` : `at least ${bound.atLeast.toLocaleString("en")}`;
  return {
    id,
    what: bound.what,
    label: `${short(ratio)}  (${asked})`,
    met: value >= 1 ? MET : MISSED,
    value,
    low: Math.min(...ends),
    high: Math.max(...ends),
    moonshot: goodness(bound, bound.moonshot),
  };
}

/** Every ratio over what was asked of it, on one scale: to the right of the line is better. */
function chart(rows: readonly Row[], date: string, machine: string): TopLevelSpec {
  const order = rows.map(({ what }) => what);
  const y = { field: "what", type: "nominal", sort: order, title: null } as const;
  const scale = { type: "log", nice: false } as const;
  const x = (field: string) => ({ field, type: "quantitative", title: "times what is asked for", scale }) as const;
  const color = {
    field: "met",
    type: "nominal",
    scale: { domain: [MET, MISSED], range: [GREEN, RED] },
    legend: null,
  } as const;
  const right = Math.max(...rows.flatMap(({ high, moonshot }) => [high, moonshot]));
  return {
    background: "white",
    padding: 16,
    title: {
      text: "The service beside its peers: median and spread of the ratios, over what is asked for",
      subtitle: [
        `${machine}; ${date.slice(0, 10)}`,
        "green: as asked, red: not; grey tick: the moonshot; beside it the ratio itself",
      ],
      anchor: "start",
      frame: "bounds",
      offset: 14,
    },
    data: { values: [...rows] },
    width: 520,
    height: { step: 30 },
    layer: [
      {
        data: { values: [{ asked: 1 }] },
        mark: { type: "rule", color: "#444", strokeDash: [4, 3] },
        encoding: { x: { field: "asked", type: "quantitative" } },
      },
      {
        mark: { type: "tick", color: GREY, thickness: 3, size: 16 },
        encoding: { y, x: x("moonshot") },
      },
      { mark: { type: "rule", strokeWidth: 2 }, encoding: { y, x: x("low"), x2: { field: "high" }, color } },
      { mark: { type: "point", filled: true, size: 80, opacity: 1 }, encoding: { y, x: x("value"), color } },
      {
        mark: { type: "text", align: "left", dx: 12, fontSize: 12, color: "#222" },
        encoding: { y, x: { datum: right }, text: { field: "label" } },
      },
    ],
    config: {
      font: "sans-serif",
      view: { stroke: null },
      title: { fontSize: 15, subtitleFontSize: 12, subtitleColor: "#555", subtitlePadding: 6 },
      axis: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelLimit: 0 },
      axisY: { domain: false, ticks: false, labelPadding: 8, grid: true, gridColor: "#eee" },
      axisX: { grid: false, format: "~g" },
    },
  };
}

/** Draws the results into a file. */
export async function drawChart(
  file: string,
  results: readonly Result[],
  date: string,
  machine: string,
): Promise<void> {
  // Modules that await something at their top cannot be required.
  const [{ parse, View }, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  const { spec } = compile(chart(results.map(rowOf), date, machine));
  const svg = await new View(parse(spec), { renderer: "none" }).toSVG();
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${svg}\n`);
}
