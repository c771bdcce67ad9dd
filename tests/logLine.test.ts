import { stripVTControlCharacters } from "node:util";
import { parseLine, pretty, type Tier } from "../local/logLine";

const TIME = "2026-11-23T18:33:20";
const clock = new Date(`${TIME}Z`).toTimeString().slice(0, 8);
const plain = (tier: Tier, line: string) => stripVTControlCharacters(pretty(tier, `${tier}-6b98-rcglz`, line));

test.each([
  [
    "worker",
    `{"level":"info","time":"${TIME}.746Z","requestId":"abc","worker":"w","method":"POST","path":"/compute","heads":3,"flips":7,"ms":4.228,"status":200}`,
    `${clock} worker 6b98-rcglz 200 POST /compute      4.2 ms abc`,
  ],
  [
    "nginx",
    `{"time":"${TIME}+00:00","requestId":"abc","traceId":"","method":"GET","path":"/","status":404,"seconds":0.002}`,
    `${clock} nginx  6b98-rcglz 404 GET  /      2.0 ms abc`,
  ],
  [
    "worker",
    `{"level":"info","time":"${TIME}.1Z","signal":"SIGTERM","drainDelayMs":3000,"msg":"draining"}`,
    `${clock} worker 6b98-rcglz draining signal=SIGTERM drainDelayMs=3000`,
  ],
  [
    "worker",
    `{"level":"error","time":"${TIME}.1Z","requestId":"abc","worker":"w","error":"Error: no\\n    at f"}`,
    `${clock} worker 6b98-rcglz abc Error: no\n    at f`,
  ],
  ["nginx", "2026/11/23 18:33:21 [error] 6#6: x", "         nginx  6b98-rcglz 2026/11/23 18:33:21 [error] 6#6: x"],
] as const)("a line of %s's log, %s, is shown for people", (tier, line, shown) => {
  expect(plain(tier, line)).toBe(shown);
});

test.each(["{ no JSON", "[1]", "3", ""])("%j is no line of JSON", (line) => {
  expect(parseLine(line)).toBeUndefined();
});
