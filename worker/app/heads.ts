import { Problem } from "./problem";

const JSON_TYPE = "application/json";

/**
 * Reads `{"heads": N}` from a request's body.
 *
 * @throws Problem 415 for another media type, 400 for anything but an integer from 1 to `maxHeads`
 */
export function readHeads(contentType: string | undefined, body: string, maxHeads: number): number {
  if (contentType !== JSON_TYPE && contentType?.split(";")[0]?.trim().toLowerCase() !== JSON_TYPE) {
    const fault = { field: "content-type", value: contentType ?? null, allowed: JSON_TYPE };
    throw new Problem(415, "send the body as JSON, with the header content-type: application/json", fault);
  }
  const heads = parse(body);
  if (!Number.isInteger(heads) || (heads as number) < 1 || (heads as number) > maxHeads) {
    const fault = { field: "heads", value: heads ?? null, allowed: `an integer from 1 to ${maxHeads}` };
    throw new Problem(400, `heads must be ${fault.allowed}, not ${JSON.stringify(fault.value)}`, fault);
  }
  return heads as number;
}

function parse(body: string): unknown {
  const fault = { field: "body", value: body, allowed: '{"heads": N}' };
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Problem(400, 'the body is not JSON; send {"heads": 3}', fault);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Problem(400, 'the body must be a JSON object such as {"heads": 3}', fault);
  }
  return (value as { heads?: unknown }).heads;
}
