/** Host facts that hostile programs are told, so that they need not guess: `{secretFile}` and so on in their source. */
export interface Targets {
  /** A world-readable file of the host whose content is `TOPSECRET`. */
  readonly secretFile: string;
  /** A world-writable directory of the host. */
  readonly openDirectory: string;
  /** A file in it, world-writable. */
  readonly openFile: string;
  /** A TCP port on loopback that somebody listens on. */
  readonly port: number;
  /** A unix socket that somebody listens on. */
  readonly socketFile: string;
  /** A process of the user that runs the tests. */
  readonly victim: number;
}

/** What a protection is called in the fork server's `switchedOff`. */
export type Protection = 'limits' | 'user' | 'landlock' | 'seccomp';

/** A program that prints `ESCAPED` once it has what it must not have. */
export interface HostileProgram {
  readonly name: string;
  readonly source: string;
  /** Without these protections it must escape: the proof that the test would notice. Only on harmless programs. */
  readonly controls?: readonly Protection[];
}

/** A program that says `ESCAPED` when the statements raise nothing. */
export function attempt(name: string, statements: string, controls?: readonly Protection[]): HostileProgram {
  const body = statements.trim().replace(/^/gm, '    ');
  const source = `import os, sys\ntry:\n${body}\n    print("ESCAPED")\nexcept BaseException as error:\n    print("held", error)`;
  return { name, source, ...(controls ? { controls } : {}) };
}

/** The source with the targets filled in. */
export function aim(program: HostileProgram, targets: Targets): string {
  return program.source.replaceAll(/\{(\w+)\}/g, (text, name: string) =>
    name in targets ? String(targets[name as keyof Targets]) : text,
  );
}
