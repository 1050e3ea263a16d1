import { createRng, type Rng } from '../../src/core/rng.ts';
import { damagedAnswer, hostileInputs, randomAnswer } from './fuzz.ts';
import { boxed, judgeUnder, quantile } from './judge.ts';

const honestGolds = [
  '\\frac{3}{7}',
  '12',
  '(1,2)',
  'x^2+2x+1',
  '[-2, 7)',
  '\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}',
  '3\\sqrt{2}',
  '\\text{Friday}',
  '50\\%',
  '1 \\pm i',
];

/**
 * Judges the hostile inputs, as answer and as gold. Reports the slowest; each time is the best of three, to exclude
 * other load.
 */
export async function runHostile(): Promise<Record<string, unknown>> {
  const judge = judgeUnder();
  let slowest = { name: '', ms: 0 };
  const fooled: string[] = [];
  for (const { name, text } of hostileInputs) {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const start = performance.now();
      const verdict = await judge('17', text);
      times.push(performance.now() - start);
      if (verdict.outcome === 'correct') fooled.push(name);
    }
    const ms = Math.min(...times);
    if (ms > slowest.ms) slowest = { name, ms };
    console.log(`  ${name.padEnd(32)} ${ms.toFixed(2)} ms`);
  }
  return {
    inputs: hostileInputs.length,
    fooled: [...new Set(fooled)],
    maxMs: slowest.ms,
    slowest: slowest.name,
  };
}

/**
 * Judges random and damaged inputs: counts exceptions and times the slowest. The raw maximum includes garbage
 * collection and other load, so the slowest inputs are judged again; the best of five is the verifier's own time.
 */
export async function runFuzz(
  count: number,
  seed: number,
  golds: readonly string[],
): Promise<Record<string, unknown>> {
  const rng = createRng(seed, 'bench', 'math-fuzz');
  const judge = judgeUnder();
  const times = new Float64Array(count);
  const outcomes: Record<string, number> = {};
  let slowest: { readonly gold: string; readonly text: string; readonly ms: number }[] = [];
  for (let i = 0; i < count; i++) {
    const { gold, text } = fuzzInput(rng, golds.length > 0 ? golds : honestGolds);
    const start = performance.now();
    const { outcome } = await judge(gold, text);
    const ms = performance.now() - start;
    times[i] = ms;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (slowest.length < 200 || ms > slowest.at(-1)!.ms) {
      slowest = [...slowest, { gold, text, ms }].toSorted((a, b) => b.ms - a.ms).slice(0, 200);
    }
  }
  const sorted = times.toSorted();
  const own = await slowestAgain(slowest);
  console.log(
    `\nSlowest generated input (${own.ms.toFixed(2)} ms): ${JSON.stringify(own.text)} for ${JSON.stringify(own.gold)}`,
  );
  return {
    inputs: count,
    outcomes,
    medianMs: quantile(sorted, 0.5),
    p9999Ms: quantile(sorted, 0.9999),
    rawMaxMs: sorted.at(-1),
    maxMs: own.ms,
  };
}

function fuzzInput(rng: Rng, golds: readonly string[]): { readonly gold: string; readonly text: string } {
  const gold = rng.pick(golds);
  const kind = rng.integer(0, 3);
  if (kind === 0) return { gold, text: randomAnswer(rng, 60) };
  if (kind === 1) return { gold, text: boxed(randomAnswer(rng, 25)) };
  return { gold: kind === 2 ? gold : damagedAnswer(rng, gold), text: boxed(damagedAnswer(rng, gold)) };
}

async function slowestAgain(
  inputs: readonly { readonly gold: string; readonly text: string }[],
): Promise<{ gold: string; text: string; ms: number }> {
  let slowest = { gold: '', text: '', ms: 0 };
  for (const { gold, text } of inputs) {
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      const judge = judgeUnder();
      const start = performance.now();
      await judge(gold, text);
      times.push(performance.now() - start);
    }
    const ms = Math.min(...times);
    if (ms > slowest.ms) slowest = { gold, text, ms };
  }
  return slowest;
}

/** Times one kind of text at doubling lengths: linear work gives ratios near 2, quadratic work near 4. */
export async function runDoubling(): Promise<Record<string, unknown>> {
  const judge = judgeUnder();
  const kinds: Readonly<Record<string, (n: number) => string>> = {
    'unclosed boxes': (n) => '\\boxed{'.repeat(n / 8),
    'dollar signs': (n) => '$ '.repeat(n / 2),
    markers: (n) => 'answer is '.repeat(n / 10),
    numbers: (n) => '1,000 '.repeat(n / 6),
    braces: (n) => `\\boxed{${'{'.repeat(n / 2)}${'}'.repeat(n / 2)}}`,
  };
  const ratios: Record<string, number> = {};
  for (const [name, make] of Object.entries(kinds)) {
    const [short, long] = [await best(judge, make(4000)), await best(judge, make(8000))];
    ratios[name] = Number((long / short).toFixed(2));
  }
  return ratios;
}

async function best(judge: ReturnType<typeof judgeUnder>, text: string): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 15; round++) {
    const start = performance.now();
    for (let i = 0; i < 4; i++) await judge('17', text);
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** Measures verdicts per second on short whole-number answers, as in the demo's problems. */
export async function runSpeed(): Promise<Record<string, unknown>> {
  const judge = judgeUnder();
  const count = 20_000;
  const round = async (): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < count; i++)
      await judge(String(i % 997), `<think>adding up</think> so it is \\boxed{${(i * 7) % 997}}`);
    return (count / (performance.now() - start)) * 1000;
  };
  await round();
  return { verdictsPerSecond: Math.round(Math.max(await round(), await round())) };
}
