import type { PythonSandbox } from '../../sandbox/python/python-sandbox.ts';
import type { SandboxLimits } from '../../sandbox/sandbox.ts';

/** The strings that a checker compares. */
export interface CheckedTexts {
  readonly input: string;
  readonly output: string;
  readonly printed: string;
}

/** Minimum values for a checker's limits, because a problem's own limits are meant for solutions. */
const leastLimits = { maxCpuMs: 10_000, maxMemoryBytes: 512 * 2 ** 20 };

/**
 * Runs a problem's checker, a function or a program (see `ProblemTests`), isolated in the sandbox. If a checker crashes
 * on the printed output but accepts the expected output, the printed output counts as rejected, so that a program
 * cannot make itself ungradable.
 *
 * @returns whether the checker accepts the output, or why it cannot be run.
 */
export async function runChecker(
  sandbox: PythonSandbox,
  checker: string,
  texts: CheckedTexts,
  limits: SandboxLimits,
  signal?: AbortSignal,
): Promise<boolean | string> {
  const source = isProgram(checker) ? asFunction(checker) : checker;
  const ownLimits: SandboxLimits = {
    maxCpuMs: Math.max(limits.maxCpuMs, leastLimits.maxCpuMs),
    maxMemoryBytes: Math.max(limits.maxMemoryBytes, leastLimits.maxMemoryBytes),
    maxOutputCharacters: limits.maxOutputCharacters,
  };
  const accepts = async (printed: string): Promise<boolean | string> => {
    const calls = [[texts.input, texts.output, printed]];
    const program = { type: 'function', source, entryPoint: 'check', calls } as const;
    const outcome = await sandbox.run(program, ownLimits, signal);
    if (outcome.status !== 'ran') return `the problem's checker did not load: ${outcome.error}`;
    const [result] = outcome.results;
    if (result?.status === 'returned') return result.value === true || result.value === 1;
    const error = result?.status === 'failed' ? `: ${result.error}` : '';
    return `the problem's checker ended with ${result?.status}${error}`;
  };
  const verdict = await accepts(texts.printed);
  if (typeof verdict === 'boolean') return verdict;
  return (await accepts(texts.output)) === true ? false : verdict;
}

/** Returns whether a checker is a program, which reads its command line; other checkers define `check`. */
const isProgram = (checker: string): boolean => /\bargv\b/.test(checker);

/**
 * Converts a checker program to a function `check`. Its three files are real if the sandbox has a writable directory,
 * and otherwise in memory. Its entire output must be one number, so that a solution cannot decide by text that the
 * checker echoes.
 */
function asFunction(checker: string): string {
  return `SOURCE = ${pythonString(checker)}\n${runner}`;
}

/**
 * Returns a Python literal for any string. JSON's escapes are valid in Python, but JSON may leave some characters
 * unescaped.
 */
function pythonString(text: string): string {
  return JSON.stringify(text).replaceAll(/[\u0080-\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

const runner = `
import builtins, io, sys

NAMES = ("input.txt", "correct_output.txt", "output.txt")


def _write(files):
    try:
        for name, text in files.items():
            with open(name, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
                file.write(text)
    except OSError:
        _serve_from_memory(files)


def _serve_from_memory(files):
    real_open = builtins.open

    def open_file(name, mode="r", *arguments, **options):
        text = files.get(name if isinstance(name, str) else str(name))
        if text is None or mode.strip("rbt") != "":
            return real_open(name, mode, *arguments, **options)
        return io.BytesIO(text.encode("utf-8", "surrogatepass")) if "b" in mode else io.StringIO(text, None)

    builtins.open = io.open = open_file


def check(*texts):
    _write(dict(zip(NAMES, texts)))
    sys.argv, sys.stdout = ["checker.py", *NAMES], io.StringIO()
    try:
        exec(compile(SOURCE, "checker.py", "exec"), {"__name__": "__main__", "__builtins__": builtins})
    except SystemExit as request:
        if request.code not in (None, 0, 1):
            raise RuntimeError(f"exit code {request.code}")
    printed = sys.stdout.getvalue().strip()
    try:
        return float(printed) >= 1
    except ValueError:
        raise RuntimeError(f"expected one number, printed {printed[:100]!r}")
`;
