import { X509Certificate } from "node:crypto";
import { runInThisContext } from "node:vm";
import { SelfSigned, type SelfSignedInputs, selfSign, stillGood } from "../nginx/certificate";
import { providerOf } from "./support/dynamicProvider";

const DAY = 86_400_000;
afterEach(() => jest.useRealTimers());
const laterBy = (days: number) =>
  jest.useFakeTimers({ now: Date.now() + days * DAY, doNotFake: ["nextTick", "setImmediate"] });

describe("a self-signed certificate", () => {
  test.each([
    ["coin.example.com", "DNS:coin.example.com"],
    ["10.90.0.2", "IP Address:10.90.0.2"],
    ["[fd00::1]", "IP Address:FD00:0:0:0:0:0:0:1"],
    [`${"a".repeat(60)}.${"b".repeat(60)}.example.com`, `DNS:${"a".repeat(60)}.${"b".repeat(60)}.example.com`],
  ])("for %s is for that host, and for no other", async (host, name) => {
    const { certificate, key } = await selfSign({ host });
    const parsed = new X509Certificate(certificate);
    expect([parsed.subjectAltName, parsed.ca, parsed.publicKey.asymmetricKeyDetails]).toEqual([
      name,
      false,
      { namedCurve: "prime256v1" },
    ]);
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(key).toContain("BEGIN PRIVATE KEY");
    expect([stillGood(certificate, { host }), stillGood(certificate, { host: "other" })]).toEqual([true, false]);
  });

  test("is good for a year, and made anew a month before its end", async () => {
    const { certificate } = await selfSign({ host: "a" });
    const { validFrom, validTo } = new X509Certificate(certificate);
    expect(Date.parse(validFrom)).toBeLessThan(Date.now());
    expect(Math.round((Date.parse(validTo) - Date.now()) / DAY)).toBe(365);
    laterBy(334);
    expect(stillGood(certificate, { host: "a" })).toBe(true);
    laterBy(2);
    expect(stillGood(certificate, { host: "a" })).toBe(false);
  });
});

// The provider is evaluated outside of Jest's copy of the globals, and its library within it; they know a Date by its class.
const outside = runInThisContext("globalThis") as { Date: DateConstructor };
const { Date: itsDate } = outside;
beforeAll(() => {
  outside.Date = Date;
});
afterAll(() => {
  outside.Date = itsDate;
});

test("the resource keeps its certificate, and makes another one for another host", async () => {
  const { provider } = await providerOf<SelfSignedInputs & { certificate: string; key: string }>(
    () => new SelfSigned("nginx", { host: "a.example.com" }),
  );
  const { outs } = await provider.create({ host: "a.example.com" } as never);
  const state = outs as { host: string; certificate: string; key: string };
  expect(new X509Certificate(state.certificate).subjectAltName).toBe("DNS:a.example.com");
  const same = { host: "a.example.com" } as never;
  const other = { host: "b.example.com" } as never;
  expect(await provider.diff?.("id", state, same)).toEqual({ changes: false });
  expect(await provider.diff?.("id", state, other)).toEqual({ changes: true });
  const updated = (await provider.update?.("id", state, other))?.outs as typeof state;
  expect(new X509Certificate(updated.certificate).subjectAltName).toBe("DNS:b.example.com");
});
