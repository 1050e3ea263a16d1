/** Facts about the host for hostile programs, filled in for `{secretFile}` and so on in their source. */
export interface Targets {
  /** A world-readable file of the host whose content is `TOPSECRET`. */
  readonly secretFile: string;
  /** A world-writable directory of the host. */
  readonly openDirectory: string;
  /** A file in it, world-writable. */
  readonly openFile: string;
  /** A TCP port with a listener on loopback. */
  readonly port: number;
  /** A unix socket with a listener. */
  readonly socketFile: string;
  /** A process of the user that runs the tests. */
  readonly victim: number;
}

/** The name of a protection in the fork server's `switchedOff`. */
export type Protection = 'limits' | 'user' | 'landlock' | 'seccomp';

/** A program that prints `ESCAPED` if it gets through a protection. */
export interface HostileProgram {
  readonly name: string;
  readonly source: string;
  /**
   * Protections without which the program must escape, which proves that the test detects it. Only for harmless
   * programs.
   */
  readonly controls?: readonly Protection[];
}

/** Returns a program that prints `ESCAPED` if the statements raise nothing. */
export function attempt(name: string, statements: string, controls?: readonly Protection[]): HostileProgram {
  const body = statements.trim().replace(/^/gm, '    ');
  const source = `import os, sys\ntry:\n${body}\n    print("ESCAPED")\nexcept BaseException as error:\n    print("held", error)`;
  return { name, source, ...(controls ? { controls } : {}) };
}

/** Returns the source with the targets filled in. */
export function aim(program: HostileProgram, targets: Targets): string {
  return program.source.replaceAll(/\{(\w+)\}/g, (text, name: string) =>
    name in targets ? String(targets[name as keyof Targets]) : text,
  );
}
