import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { durationMs, durationSchema } from '../core/text/duration.ts';
import { EnvironmentError } from '../core/errors.ts';
import { hashKey } from '../core/rng.ts';
import {
  openPythonSandbox,
  pythonSandbox,
  pythonSandboxConfig,
  type PythonSandbox,
} from '../sandbox/python/python-sandbox.ts';
import type { CallResult, SandboxOutcome } from '../sandbox/sandbox.ts';
import { tags } from './call-format.ts';
import type { Environment } from './environment.ts';
import type { Tool, ToolResult } from './tool.ts';
import { toolEnvironment, toolLimits } from './tool-environment.ts';

/** Settings of Python as a tool: the policy writes programs and reads what they print. */
export const pythonConfig = z.strictObject({
  type: z.literal('python'),
  ...toolLimits,
  format: toolLimits.format.prefault(
    tags({ call: ['<python>', '</python>'], result: ['\n<output>', '</output>\n'] }),
  ),
  sandbox: pythonSandboxConfig.default(() => pythonSandboxConfig.parse(pythonSandbox())),
  /** Keep variables and functions of an attempt's earlier programs. */
  keepState: z.boolean().default(true),
  /** CPU time limit of one program, including the earlier programs that run again before it. */
  maxCpu: durationSchema.default('4s'),
  maxMemoryMiB: z.int().min(64).max(65_536).default(512),
  maxOutputCharacters: z
    .int()
    .min(256)
    .default(1 << 16),
});

/** Configures Python as a tool, by default called with `<python>print(2)</python>` inside the policy's turn. */
export const python = noun(pythonConfig);

/** Opens Python as a tool. The sandbox starts at the first call. */
export function openPython(settings: z.output<typeof pythonConfig>): Environment {
  const { keepState, maxCpu, maxMemoryMiB, maxOutputCharacters, sandbox } = settings;
  let opening: Promise<PythonSandbox> | undefined;
  const limits = {
    maxCpuMs: durationMs(maxCpu),
    maxMemoryBytes: maxMemoryMiB * 2 ** 20,
    maxOutputCharacters,
  };
  const tool: Tool = {
    version: `1-${hashKey(keepState ? 1 : 0, maxCpu, maxMemoryMiB, maxOutputCharacters, ...sandbox.packages).toString(36)}`,
    schema: {
      name: 'python',
      description: 'Runs a Python program and returns what it prints.',
      parameters: { type: 'object', properties: { code: { type: 'string' } }, required: ['code'] },
    },
    textArgument: 'code',
    hasMemory: keepState,
    call: async ({ code, earlier = [] }, signal) => {
      if (typeof code !== 'string')
        return { outcome: 'failed', text: 'Error: expected "code" to be a string.' };
      // Without `keepState`, `earlier` could come from the policy itself.
      const before = keepState
        ? (earlier as readonly { readonly code: string }[]).map((one) => one.code)
        : [];
      // The next call retries a failed opening: it may have failed because of a temporary lack of processes.
      opening ??= openPythonSandbox(sandbox).catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      const running = await opening;
      const source = sessionProgram([...before, code]);
      return resultOf(await running.run({ type: 'stdio', source, inputs: [''] }, limits, signal));
    },
  };
  return toolEnvironment('python', [tool], settings, async () => {
    const opened = await opening?.catch(() => undefined);
    await opened?.[Symbol.asyncDispose]();
  });
}

/**
 * Returns a program that runs all sources in one namespace and prints the output of the last one and the value of its
 * last expression, as interactive Python does.
 */
const sessionProgram = (texts: readonly string[]): string => `import ast, contextlib, io
def _session(texts):
    space = {'__name__': '__main__'}
    with contextlib.redirect_stdout(io.StringIO()):
        for text in texts[:-1]:
            exec(compile(text, '<earlier>', 'exec'), space)
    tree = ast.parse(texts[-1], '<program>')
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, '<program>', 'exec'), space)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), '<program>', 'eval'), space)
        if value is not None:
            print(repr(value))
_session(${JSON.stringify(texts)})
`;

function resultOf(outcome: SandboxOutcome): ToolResult {
  if (outcome.status === 'infrastructure')
    throw new EnvironmentError(`the Python sandbox failed: ${outcome.error}`);
  if (outcome.status === 'not-loaded') return { outcome: 'failed', text: `Error: ${outcome.error}` };
  const [result] = outcome.results;
  return { outcome: result!.status === 'printed' ? 'ok' : 'failed', text: textOf(result!) };
}

function textOf(result: CallResult): string {
  switch (result.status) {
    case 'printed':
      return result.stdout.trimEnd() || '(no output)';
    case 'failed':
      return result.error;
    case 'timeout':
      return 'Error: the program exceeded its CPU time.';
    case 'out-of-memory':
      return 'Error: the program exceeded its memory.';
    case 'overflow':
      return 'Error: the program printed too much.';
    case 'returned':
      return String(result.value);
  }
}
