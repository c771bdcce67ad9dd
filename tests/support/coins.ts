import { join } from "node:path";
import { Coins, type RandomBits } from "../../worker/app/coinflip";
import { compileWat } from "../../worker/bundle";

let wasm: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  wasm = await compileWat(join(__dirname, "..", "..", "worker", "app", "find.wat"));
});

/** A WebAssembly memory takes gigabytes of address space: one for each size of block has to do. */
const made = new Map<number | undefined, { coins: Coins; fill: RandomBits }>();

/** Coins that come up as they are told. */
export function coinsOf(fill: RandomBits, bytes?: number): Coins {
  let one = made.get(bytes);
  if (one === undefined) {
    const coins = new Coins(wasm, (block) => made.get(bytes)?.fill(block), bytes);
    one = { coins, fill };
    made.set(bytes, one);
  }
  one.fill = fill;
  one.coins.next = one.coins.block.length;
  return one.coins;
}
