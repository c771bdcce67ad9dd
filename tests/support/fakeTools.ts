import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInThisContext } from "node:vm";

/** What a call is answered with. The n-th argument may be a file that the call makes, or one that it must find. */
export interface Reply {
  readonly says?: string;
  readonly fails?: string;
  readonly makes?: number;
  readonly finds?: number;
}

// Jest gives each test file a copy of the environment, which programs and node's own modules do not see.
const { env } = runInThisContext("process") as NodeJS.Process;

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
/** The call as a shell's pattern, in which `*` stands for anything. */
const pattern = (call: string) => call.split("*").map(quoted).join("*");

function script(log: string, name: string, replies: Readonly<Record<string, Reply>>): string {
  const cases = Object.entries(replies).map(([call, { says, fails, makes, finds }]) => {
    const steps = [
      makes !== undefined && `: >"$${makes}"`,
      finds !== undefined && `[ -f "$${finds}" ] || { echo "there is no $${finds}" >&2; exit 98; }`,
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
  private readonly before = { PATH: env.PATH, TMPDIR: env.TMPDIR, XDG_STATE_HOME: env.XDG_STATE_HOME };
  private readonly log = join(this.folder, "log");
  private readonly scratch = join(this.folder, "tmp");
  private readonly bin = join(this.folder, "bin");

  constructor() {
    mkdirSync(this.scratch);
    mkdirSync(this.bin);
    Object.assign(env, { PATH: this.bin, TMPDIR: this.scratch, XDG_STATE_HOME: this.folder });
    process.env.XDG_STATE_HOME = this.folder;
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
    for (const [name, value] of Object.entries(this.before)) {
      if (value === undefined) delete env[name];
      else env[name] = value;
    }
    rmSync(this.folder, { recursive: true });
  }
}
