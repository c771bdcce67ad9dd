import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "../../worker/bundle";
import type { Bench } from "./context";
import { type Result, ratio, rounds } from "./measure";
import { Asked } from "./processes";

/** How fast coins are flipped on one core, without any server: ours, the plain loops, and the bits alone. */
export async function kernel({ folder, python, pin, quick, peer, say }: Bench): Promise<Result[]> {
  const program = join(folder, "kernel.js");
  // Bundled as the worker is: tsx would wrap each function, which costs time in a loop like this.
  await writeFile(program, await bundle(join(__dirname, "kernelProgram.ts")));
  const node = new Asked("kernelProgram.ts", pin.on(0, [process.execPath, program]));
  const cpython = new Asked("cpython.py", pin.on(0, [python, "-B", join(__dirname, "peers", "cpython.py")]));
  const seconds = quick ? 0.25 : 0.5;
  const run = (program: Asked, name: string) => () => program.number(`${name} ${seconds}`);
  try {
    for (const name of ["flips20", "flips30", "mathrandom", "random128"]) await node.number(`${name} ${seconds}`);
    const values = await rounds(
      5,
      {
        flips20: run(node, "flips20"),
        random64: run(node, "random64"),
        random128: run(node, "random128"),
        flips30: run(node, "flips30"),
        mathrandom: run(node, "mathrandom"),
        cpython: run(cpython, "cpython"),
      },
      { thereAndBack: !quick, onRound: (round) => say(`kernel, round ${round + 1}`) },
    );
    // The better block size of the two, so that the denominator is the generator's own best.
    const random = values.random128.map((rate, round) => Math.max(rate, values.random64[round] ?? 0));
    for (const [name, rates] of Object.entries({ ...values, random })) peer(`kernel: ${name}`, rates, "flips/s");
    const { flips20, flips30, mathrandom, cpython: python20 } = values;
    return [
      ratio("flips20/random", "flips/s", flips20, random),
      ratio("flips30/random", "flips/s", flips30, random),
      ratio("flips20/mathrandom", "flips/s", flips20, mathrandom),
      ratio("flips20/cpython", "flips/s", flips20, python20),
    ];
  } finally {
    await Promise.all([node.end(), cpython.end()]);
  }
}
