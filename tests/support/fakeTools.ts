import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInThisContext } from "node:vm";

/** What a call does. */
export interface Reply {
  /** Prints this. */
  readonly says?: string;
  /** Prints this to standard error, and exits with 1. */
  readonly fails?: string;
  /** Writes the file that its n-th argument names. */
  readonly makes?: number;
  /** Fails unless there is the file that its n-th argument names. */
  readonly finds?: number;
  /** Fails unless standard input is a file that another call has made. */
  readonly readsMade?: boolean;
}

/** The content of the files that calls make. */
const CONTENT = "made by a fake tool";

// Jest gives each test file a copy of the environment, which programs and node's own modules do not see.
const { env } = runInThisContext("process") as NodeJS.Process;

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
/** The call as a shell's pattern, in which `*` stands for anything. */
const pattern = (call: string) => call.split("*").map(quoted).join("*");

function script(log: string, name: string, replies: Readonly<Record<string, Reply>>): string {
  const cases = Object.entries(replies).map(([call, { says, fails, makes, finds, readsMade }]) => {
    const steps = [
      makes !== undefined && `printf '${CONTENT}\\n' >"$${makes}"`,
      finds !== undefined && `[ -f "$${finds}" ] || { echo "there is no $${finds}" >&2; exit 98; }`,
      readsMade && `read -r input; [ "$input" = '${CONTENT}' ] || { echo "wrong input: $input" >&2; exit 99; }`,
      says !== undefined && `printf '%s\\n' ${quoted(says)}`,
      fails !== undefined && `{ printf '%s\\n' ${quoted(fails)} >&2; exit 1; }`,
      "exit 0",
    ];
    return `  ${pattern(call)}) ${steps.filter(Boolean).join("; ")} ;;`;
  });
  return `#!/bin/sh
printf '%s\\n' "${name} $*" >>${quoted(log)}
case "$*" in
${cases.join("\n")}
esac
echo "no such call: ${name} $*" >&2
exit 97
`;
}

/** Programs that stand in for the real ones, which nothing can reach while these are there. */
export class FakeTools {
  readonly folder = mkdtempSync(join(tmpdir(), "coinflip-tools-"));
  private readonly before = [env, process.env].map((each) => ({ each, values: { ...each } }));
  private readonly log = join(this.folder, "log");
  private readonly scratch = join(this.folder, "tmp");
  private readonly bin = join(this.folder, "bin");

  constructor() {
    mkdirSync(this.scratch);
    mkdirSync(this.bin);
    for (const each of [env, process.env])
      Object.assign(each, { PATH: this.bin, TMPDIR: this.scratch, XDG_STATE_HOME: this.folder });
  }

  /** Puts a program on the PATH that knows these calls, and no other. */
  tool(name: string, replies: Readonly<Record<string, Reply>>): this {
    writeFileSync(join(this.bin, name), script(this.log, name, replies), { mode: 0o755 });
    return this;
  }

  /** What was called, with the file for the image's archive as ARCHIVE. */
  calls(): string[] {
    const lines = existsSync(this.log) ? readFileSync(this.log, "utf8").trimEnd().split("\n") : [];
    return lines.map((line) =>
      line.replace(/\S+\.tar\b/, (path) => (path.startsWith(this.scratch) ? "ARCHIVE" : path)),
    );
  }

  leftovers = () => readdirSync(this.scratch);

  remove(): void {
    for (const { each, values } of this.before) {
      for (const name of ["PATH", "TMPDIR", "XDG_STATE_HOME"]) {
        if (values[name] === undefined) delete each[name];
        else each[name] = values[name];
      }
    }
    rmSync(this.folder, { recursive: true });
  }
}
