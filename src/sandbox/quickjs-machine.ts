import { newQuickJSWASMModule } from 'quickjs-emscripten';
import type { QuickJSContext, QuickJSHandle, QuickJSRuntime, QuickJSWASMModule } from 'quickjs-emscripten';
import { decodeValue, harnessSource, operations } from './quickjs-harness.ts';
import type { CallResult, SandboxLimits, SandboxOutcome, SandboxProgram } from './sandbox.ts';

type FunctionProgram = Extract<SandboxProgram, { type: 'function' }>;

/**
 * Number of interrupts per millisecond on a CPU core from 2024: QuickJS raises one about every 10,000 steps. Counting
 * interrupts instead of reading a clock makes a program end the same way on every machine, at any load.
 */
const interruptsPerMs = 4;
/** A built-in that runs without interrupts is stopped after this multiple of the CPU limit. */
export const cpuSlack = 10;
/** Maximum number of programs per runtime, so that leftovers (interned names, garbage) do not accumulate. */
const programsPerRuntime = 64;
const maxStackBytes = 256 * 1024;

/**
 * Runs programs one after the other in QuickJS, in the calling thread. `run` never throws, but a built-in may keep it
 * busy.
 */
export interface QuickjsMachine {
  run(program: FunctionProgram, limits: SandboxLimits): Promise<SandboxOutcome>;
}

/** Creates a machine; its first program loads the WebAssembly module. */
export function createQuickjsMachine(): QuickjsMachine {
  let module: QuickJSWASMModule | undefined;
  let runtime: QuickJSRuntime | undefined;
  let programs = 0;

  return {
    async run(program, limits) {
      if (!/^[A-Za-z_$][\w$]*$/.test(program.entryPoint))
        return notLoaded(`"${program.entryPoint}" is not the name of a function`);
      try {
        module ??= await newQuickJSWASMModule();
        runtime ??= module.newRuntime();
        const outcome = runIn(runtime, program, limits);
        const isClean =
          outcome.status === 'ran' && outcome.results.every(isOrdinary) && !runtime.hasPendingJob();
        if (!isClean || ++programs % programsPerRuntime === 0) {
          runtime.dispose();
          runtime = undefined;
        }
        return outcome;
      } catch (error) {
        // The program broke the interpreter itself (e.g. exhausted WebAssembly's stack): start a new one.
        module = undefined;
        runtime = undefined;
        return {
          status: 'not-loaded',
          cause: 'failed',
          error: `broke the interpreter: ${oneLine(String(error))}`,
        };
      }
    },
  };
}

const isOrdinary = ({ status }: CallResult): boolean => status === 'returned' || status === 'failed';

/** Makes all calls at once. If a limit was reached, makes them again one by one, to find the call that reached it. */
function runIn(runtime: QuickJSRuntime, program: FunctionProgram, limits: SandboxLimits): SandboxOutcome {
  const together = attempt(runtime, program, [program.calls], limits);
  if (together !== undefined) return together;
  const oneByOne = program.calls.map((call) => [call]);
  return attempt(runtime, program, oneByOne, limits)!;
}

/** Loads the program in a new context and makes its calls; undefined if a group of several calls reached a limit. */
function attempt(
  runtime: QuickJSRuntime,
  program: FunctionProgram,
  groups: readonly FunctionProgram['calls'][],
  limits: SandboxLimits,
): SandboxOutcome | undefined {
  const clock = startClock(runtime, limits);
  runtime.setMemoryLimit(limits.maxMemoryBytes);
  runtime.setMaxStackSize(maxStackBytes);
  using context = runtime.newContext();
  using harness = context.unwrapResult(
    context.evalCode(harnessSource(program.entryPoint, limits.maxOutputCharacters)),
  );
  const ask: Ask = (operation, value) => {
    using operationHandle = context.newNumber(operation);
    const answer = context.callFunction(harness, context.undefined, operationHandle, value);
    using handle = answer.error ?? answer.value;
    if (clock.isOver) return reachedTime;
    // The harness catches every error unless there is no memory for the error object.
    return answer.error === undefined ? context.getString(handle) : reachedMemory;
  };
  const problem = load(context, program.source, ask, clock);
  if (problem !== '') return notLoaded(problem);
  const results: CallResult[] = [];
  for (const calls of groups) {
    clock.restart();
    using inputs = argumentsOf(context, calls);
    const answer = ask(operations.callAll, inputs);
    const limit = limitIn(answer);
    if (limit !== undefined && calls.length > 1) return undefined;
    results.push(
      ...(limit === undefined ? (JSON.parse(answer) as string[]).map(callResult) : [{ status: limit }]),
    );
  }
  return { status: 'ran', results };
}

/** Returns argument lists for the harness: JSON text, or a value if they contain a bigint, which JSON lacks. */
function argumentsOf(context: QuickJSContext, calls: FunctionProgram['calls']): QuickJSHandle {
  if (!holdsBigint(calls)) return context.newString(JSON.stringify(calls));
  return context.unwrapResult(context.evalCode(literal(calls)));
}

function holdsBigint(value: unknown): boolean {
  if (typeof value === 'bigint') return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsBigint);
}

/** Returns a value as JavaScript source. Keys are computed, so `__proto__` is a key like any other. */
function literal(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return `[${value.map(literal).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  return `({${Object.entries(value)
    .map(([key, item]) => `[${JSON.stringify(key)}]:${literal(item)}`)
    .join(',')}})`;
}

type Ask = (operation: number, value: QuickJSHandle) => string;

/** Loads the source; returns the error, or an empty string. */
function load(context: QuickJSContext, source: string, ask: Ask, clock: Clock): string {
  const loaded = context.evalCode(source, 'program.js', { type: 'global' });
  using completion = loaded.error ?? loaded.value;
  if (clock.isOver) return reachedTime;
  return ask(loaded.error === undefined ? operations.load : operations.describe, completion);
}

/** Replaces the harness's answer if a limit was reached. */
const reachedTime = '#timeout';
const reachedMemory = '#out-of-memory';

function limitIn(answer: string): 'timeout' | 'out-of-memory' | undefined {
  if (answer === reachedTime) return 'timeout';
  return answer === reachedMemory || answer === 'InternalError: out of memory' ? 'out-of-memory' : undefined;
}

function notLoaded(problem: string): SandboxOutcome {
  const limit = limitIn(problem);
  return limit === undefined
    ? { status: 'not-loaded', cause: 'failed', error: oneLine(problem) }
    : { status: 'not-loaded', cause: limit, error: 'reached its limit while loading' };
}

interface Clock {
  restart(): void;
  readonly isOver: boolean;
}

/** Starts a clock that stops the runtime when a load or a call has used up its time. */
function startClock(runtime: QuickJSRuntime, { maxCpuMs }: SandboxLimits): Clock {
  let interrupts = 0;
  let isOver = false;
  let cpuStart: NodeJS.CpuUsage | undefined;
  runtime.setInterruptHandler(() => {
    const used = process.threadCpuUsage((cpuStart ??= process.threadCpuUsage()));
    isOver ||= ++interrupts > maxCpuMs * interruptsPerMs;
    isOver ||= (used.user + used.system) / 1000 > maxCpuMs * cpuSlack;
    return isOver;
  });
  return {
    restart() {
      interrupts = 0;
      isOver = false;
      cpuStart = undefined;
    },
    get isOver() {
      return isOver;
    },
  };
}

function callResult(answer: string): CallResult {
  if (answer === '#overflow') return { status: 'overflow' };
  if (answer.startsWith('=')) return { status: 'returned', value: decodeValue(answer.slice(1)) };
  const error = oneLine(answer.slice(1));
  return limitIn(error) === undefined ? { status: 'failed', error } : { status: 'out-of-memory' };
}

const oneLine = (text: string): string => text.slice(0, 200).replaceAll(/\s+/g, ' ').trim();
