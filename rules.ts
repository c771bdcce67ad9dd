/** What a setting may be. */
export interface Rule<T> {
  /** Completes the sentence "allowed is …". */
  readonly allowed: string;
  readonly example: string;
  /** The value as the program uses it, or undefined if it is not allowed; in an object, with what is given beside it. */
  readonly parse: (value: unknown, given?: Readonly<Record<string, unknown>>) => T | undefined;
}

/** What each member of a setting that is an object may be. */
export type Members<T> = { readonly [K in keyof T]-?: Member<NonNullable<T[K]>> };

export type Member<T> = Rule<T> & {
  /** Whether it may be left out of the object. */
  readonly optional?: (given: Readonly<Record<string, unknown>>) => boolean;
  readonly secret?: true;
};

export const integer = (min: number, max: number, example: number): Rule<number> => ({
  allowed: `an integer from ${min} to ${max}`,
  example: String(example),
  parse: (value) => {
    const number = /^-?\d+$/.test(String(value)) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  },
});

export const oneOf = <T extends string>(...values: T[]): Rule<T> => ({
  allowed: values.join(" or "),
  example: values[0] as string,
  parse: (value) => values.find((each) => each === value),
});

export const text = (allowed: string, example: string, pattern: RegExp): Rule<string> => ({
  allowed,
  example,
  parse: (value) => (typeof value === "string" && pattern.test(value) ? value : undefined),
});

export const image = (example: string) =>
  text(
    "an image with a version, by tag (not latest) or by digest",
    example,
    /^[a-z0-9][\w.:/-]*(:(?!latest$)\w[\w.-]*|@sha256:[0-9a-f]{64})$/,
  );

/** The same, or nothing. */
export const imageOrNone = (example: string): Rule<string> => {
  const rule = image(example);
  return {
    ...rule,
    allowed: `${rule.allowed}, or nothing`,
    parse: (value) => (value === "" ? "" : rule.parse(value)),
  };
};

/** The name of an object in Kubernetes (RFC 1123, a subdomain). */
export const objectName = (example: string) =>
  text(
    "a name of at most 253 of a-z, 0-9, - and ., beginning and ending with one of a-z and 0-9",
    example,
    /^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
  );

/** A name that DNS may have, as Ingress and Gateway take it: no address, and no capitals. */
export const hostName = text(
  "a host name in small letters, and no address",
  "coin.example.com",
  /^(?=.{1,253}$)(?!\d+(\.\d+){3}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
);

/** Several, as a list or separated by commas. */
export const hostNames: Rule<readonly string[]> = {
  allowed: "host names in small letters, separated by commas, and no addresses",
  example: "coin.example.com",
  parse: (value) => {
    const names = Array.isArray(value) ? value : String(value).split(",");
    return names.length > 0 && names.every((each) => hostName.parse(each)) ? names : undefined;
  },
};

/** Texts by name, as an object or as JSON. */
export const texts: Rule<Readonly<Record<string, string>>> = {
  allowed: "an object of texts",
  example: `'{"example.com/name":"value"}'`,
  parse: (value) => {
    const object = parseObject(typeof value === "string" ? value : JSON.stringify(value));
    return object && Object.values(object).every((each) => typeof each === "string")
      ? (object as Record<string, string>)
      : undefined;
  },
};

/** A switch that is left out where it is off. */
export const on: Rule<true> = {
  allowed: "true, or left out",
  example: "true",
  parse: (value) => (String(value) === "true" ? true : undefined),
};

/** What stands for a secret where only the Pulumi CLI can read it. */
export const ENCRYPTED = "[encrypted]";

export const HOST = "[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?";

/** Collects what is wrong with the values that it reads, each with the command that mends it. */
export class Reader {
  readonly faults: string[] = [];

  /** One value; undefined if it is wrong. */
  value<T>(name: string, given: unknown, rule: Rule<T>, flags = "", shown = given, beside = {}): T | undefined {
    const value = rule.parse(given, beside);
    if (value === undefined) {
      const is = given === undefined ? "missing" : JSON.stringify(String(shown));
      this.faults.push(
        `${name} is ${is}; allowed is ${rule.allowed}:  pulumi config set ${flags}${name} ${rule.example}`,
      );
    }
    return value;
  }

  /** An object from JSON, undefined if it is empty or wrong. Of members that may be secret nothing is shown. */
  object<T>(name: string, json: string, members: Members<T>): T | undefined {
    const given = parseObject(json);
    if (given === undefined) {
      const wanted = Object.keys(members).join(", ");
      this.faults.push(`${name} is not an object of ${wanted}:  pulumi config rm ${name}, and set each by --path`);
      return undefined;
    }
    if (Object.keys(given).length === 0) return undefined;
    for (const key of Object.keys(given).filter((key) => !(key in members))) {
      this.faults.push(`${name}.${key} is no setting:  pulumi config rm --path ${name}.${key}`);
    }
    const read = (Object.entries(members) as [string, Member<unknown>][])
      .filter(([key, { optional }]) => key in given || !optional?.(given))
      .map(([key, rule]) => {
        const [flags, shown] = rule.secret ? ["--secret --path ", "[secret]"] : ["--path ", given[key]];
        return [key, this.value(`${name}.${key}`, given[key], rule, flags, shown, given)];
      });
    return Object.fromEntries(read) as T;
  }
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {}
  return undefined;
}
