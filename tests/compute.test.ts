import { setTimeout as sleep } from "node:timers/promises";
import { Computer } from "../worker/app/compute";
import { Busy, Places } from "../worker/app/places";
import { coinsOf } from "./support/coins";
import { onlyTails } from "./support/statistics";

const HEADS = 40;
/** A computation that only its signal ends. */
function endless(computer: Computer) {
  const client = new AbortController();
  const ended = Promise.resolve(computer.compute(HEADS, () => client.signal)).catch((error: Error) => error.message);
  return { ended, leave: () => client.abort(new Error("the client left")) };
}

describe("a computation", () => {
  test("asks for blocks until the row is complete, also across two of them", async () => {
    let blocks = 0;
    const coins = coinsOf((block) => {
      block.fill(0);
      blocks += 1;
      if (blocks === 2) block[block.length - 1] = 0xff;
      if (blocks === 3) block[0] = 0x01;
    }, 1024);
    const signal = () => new AbortController().signal;
    expect([await new Computer(coins, 1).compute(9, signal), blocks]).toEqual([2 * 1024 * 8 + 1, 3]);
  });

  test("is done at once, and asks for no signal, if its first slice is enough", () => {
    const signal = jest.fn<AbortSignal, []>();
    const computer = new Computer(
      coinsOf((block) => block.fill(0xff)),
      1,
    );
    expect([computer.compute(3, signal), signal.mock.calls]).toEqual([3, []]);
  });

  test("ends with the signal's reason within a slice after it was aborted", async () => {
    const computation = endless(new Computer(coinsOf(onlyTails()), 1));
    await sleep(30);
    const left = performance.now();
    computation.leave();
    expect(await computation.ended).toBe("the client left");
    expect(performance.now() - left).toBeLessThan(250);
  });

  test("ends with what the source of bits throws, and leaves its place", async () => {
    let blocks = 0;
    const coins = coinsOf((block) => {
      blocks += 1;
      if (blocks === 100) throw new Error("the kernel has no entropy");
      block.fill(0);
    });
    const computer = new Computer(coins, 1);
    expect(await endless(computer).ended).toBe("the kernel has no entropy");
    const next = endless(computer);
    await sleep(10);
    next.leave();
    expect(await next.ended).toBe("the client left");
  });

  test("lets other work run, again and again, and no less if many compute", async () => {
    const turns = async (many: number) => {
      const computer = new Computer(coinsOf(onlyTails(20_000)), many);
      const computations = Array.from({ length: many }, () => endless(computer));
      let count = 0;
      // CPU time, of which a busy machine gives this process less than the clock shows.
      const start = process.cpuUsage();
      const cpuMs = () => Object.values(process.cpuUsage(start)).reduce((sum, each) => sum + each, 0) / 1000;
      while (cpuMs() < 300) {
        await new Promise((resolve) => setImmediate(resolve));
        count += 1;
      }
      for (const { leave } of computations) leave();
      await Promise.all(computations.map(({ ended }) => ended));
      return count;
    };
    // Slices of 2 ms, the most that is allowed, would make 150 turns; a turn for each of 32 would make 5 of them.
    expect(await turns(1)).toBeGreaterThan(150);
    expect(await turns(32)).toBeGreaterThan(150);
  });
});

describe("computations beyond their number", () => {
  test("wait, as many as compute; the rest are refused at once, but for those whose first slice is enough", async () => {
    let heads = 0;
    const tails = onlyTails();
    const computer = new Computer(
      coinsOf((block) => (heads ? block.fill(heads) : tails(block))),
      2,
    );
    const all = Array.from({ length: 5 }, () => endless(computer));
    expect(await all[4]?.ended).toBe("the limit of 2 under way, and as many waiting, is reached");
    heads = 0xff;
    expect(computer.compute(3, () => new AbortController().signal)).toBe(3);
    expect(await Promise.all(all.slice(0, 4).map(({ ended }) => ended))).toEqual([
      expect.any(Number),
      expect.any(Number),
      expect.any(Number),
      expect.any(Number),
    ]);
  });
});

describe("places", () => {
  const never = new AbortController().signal;

  test("are given in the order of arrival", async () => {
    const places = new Places(2);
    const order: number[] = [];
    const enter = (n: number) => places.take(never).then(() => order.push(n));
    await Promise.all([enter(0), enter(1)]);
    const waiting = [enter(2), enter(3)];
    await sleep(5);
    expect(order).toEqual([0, 1]);
    places.leave();
    await waiting[0];
    expect(order).toEqual([0, 1, 2]);
    places.leave();
    await waiting[1];
    expect(order).toEqual([0, 1, 2, 3]);
  });

  test("are free again once all have left", async () => {
    const places = new Places(1);
    for (let round = 0; round < 3; round++) {
      await places.take(never);
      const next = places.take(never);
      places.leave();
      await next;
      places.leave();
    }
    await expect(Promise.all([places.take(never), places.take(never), places.take(never)])).rejects.toThrow(Busy);
  });

  test("are waited for no longer than the signal lasts, and who gave up is in nobody's way", async () => {
    const places = new Places(1);
    await places.take(never);
    const client = new AbortController();
    const gaveUp = places.take(client.signal);
    client.abort(new Error("the client left"));
    await expect(gaveUp).rejects.toThrow("the client left");
    await expect(places.take(client.signal)).rejects.toThrow("the client left");
    const next = places.take(never);
    places.leave();
    await expect(next).resolves.toBeUndefined();
  });
});
