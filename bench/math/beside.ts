import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DataError } from '../../src/core/errors.ts';
import type { openMathAnswer } from '../../src/verifiers/math/verifier.ts';
import { quantile } from '../../src/statistics/summary.ts';
import { type Case, completionOf } from './cases.ts';
import { type Judge, judgeUnder } from './judge.ts';

/** CPU time of this checkout divided by that of the other checkout, on the same inputs. */
interface Beside {
  readonly inputs: number;
  /** Ratio of the fastest rounds, which other work disturbs least. */
  readonly ratio: number;
  /** Median of the ratios over the rounds. */
  readonly median: number;
  /** Microseconds of CPU time per verdict, in the fastest round. */
  readonly own: number;
  readonly other: number;
}

interface Input {
  readonly gold: string;
  readonly completion: string;
}

/** Number of rounds; each runs both checkouts, and odd rounds begin with the other checkout. */
const rounds = 15;
/** Minimum CPU time of one side of a round, so that the resolution of the clock does not matter. */
const leastMs = 150;

/**
 * Judges the same inputs with this checkout and with another checkout in `folder`, alternately and in one process:
 * short boxed answers, prose full of numbers, and the labelled cases. Times are CPU time, which other work on the
 * machine hardly affects.
 */
export async function compareBeside(folder: string, cases: readonly Case[]): Promise<Record<string, Beside>> {
  const [own, other] = [judgeUnder(), await judgeOf(folder)];
  const varied = cases.map((item) => ({ gold: item.gold, completion: completionOf(item) }));
  return {
    boxed: await race(own, other, boxedNumbers()),
    prose: await race(own, other, proseOfNumbers()),
    ...(varied.length > 0 && { varied: await race(own, other, varied) }),
  };
}

async function judgeOf(folder: string): Promise<Judge> {
  const path = join(resolve(folder), 'src/verifiers/math/verifier.ts');
  if (!existsSync(path)) {
    throw new DataError(`expected a checkout of Gradus with its packages installed, found no ${path}`, {
      tryNext: 'npm run bench:math -- --beside <checkout>',
    });
  }
  const module = (await import(path)) as {
    readonly openMathAnswer: typeof openMathAnswer;
    readonly mathConfig: { parse(config: unknown): Parameters<typeof openMathAnswer>[0] };
  };
  const verifier = module.openMathAnswer(module.mathConfig.parse({ type: 'math' }));
  return (answer, completion) =>
    verifier.verify({ id: 'bench', domain: 'math', prompt: [], answer, source: 'bench' }, completion);
}

function boxedNumbers(): readonly Input[] {
  return Array.from({ length: 997 }, (_, i) => ({
    gold: String(i),
    completion: `<think>adding up</think> so it is \\boxed{${(i * 7) % 997}}`,
  }));
}

/** Makes solutions of about 1,500 characters without a box, whose last number is the answer. */
function proseOfNumbers(): readonly Input[] {
  return Array.from({ length: 40 }, (_, i) => {
    const lines = Array.from({ length: 20 }, (_line, k) => {
      const [a, b] = [i * 3 + k, k * 7 + 2];
      return `In week ${k + 1} she sells ${a} boxes for $${b}.50 each, which makes ${a} * ${b} = ${a * b} dollars.`;
    });
    return { gold: String(i * 10), completion: `${lines.join('\n')}\nIn total that is ${i * 10} dollars` };
  });
}

async function race(own: Judge, other: Judge, inputs: readonly Input[]): Promise<Beside> {
  const passes = await passesFor(other, inputs);
  await spend(own, inputs, passes);
  const times: { readonly own: number; readonly other: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = await spend(round % 2 === 0 ? own : other, inputs, passes);
    const second = await spend(round % 2 === 0 ? other : own, inputs, passes);
    times.push(round % 2 === 0 ? { own: first, other: second } : { own: second, other: first });
  }
  const ratios = times.map((time) => time.own / time.other);
  const fastest = (side: 'own' | 'other'): number => Math.min(...times.map((time) => time[side]));
  const perVerdict = (side: 'own' | 'other'): number => (1000 * fastest(side)) / passes / inputs.length;
  return {
    inputs: inputs.length,
    ratio: fastest('own') / fastest('other'),
    median: quantile(ratios, 0.5),
    own: perVerdict('own'),
    other: perVerdict('other'),
  };
}

/** Returns the number of passes over the inputs that takes at least `leastMs`, after a warm-up pass. */
async function passesFor(judge: Judge, inputs: readonly Input[]): Promise<number> {
  await spend(judge, inputs, 1);
  const ms = await spend(judge, inputs, 1);
  return Math.max(1, Math.ceil(leastMs / ms));
}

/** Returns the CPU time of this process for `passes` passes, in milliseconds. */
async function spend(judge: Judge, inputs: readonly Input[], passes: number): Promise<number> {
  const start = process.cpuUsage();
  for (let pass = 0; pass < passes; pass++) {
    for (const { gold, completion } of inputs) await judge(gold, completion);
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}
