import type { Problem } from '../../src/core/problem.ts';
import { createRng, hashKey, type Rng, uniformAt } from '../../src/core/rng.ts';
import { promptLength, type Transcript } from '../../src/core/transcript.ts';
import { scriptedEngine, type ScriptedEngine } from '../../src/testing/index.ts';

/** `3*7-2=?`: operations modulo 10, one per step. */
interface Chain {
  readonly start: number;
  readonly operations: readonly { readonly sign: string; readonly by: number }[];
  /** The right steps, e.g. `3*7=1`, and the answer. */
  readonly steps: readonly string[];
}

/** Problems, and a simulated policy that solves them with systematic errors. */
export interface CarelessChains {
  readonly problems: readonly Problem[];
  readonly engine: ScriptedEngine;
  /** Whether the answer is right up to token `end`. */
  readonly isRight: (problem: Problem, transcript: Transcript, end: number) => boolean;
}

/** Chance that a learnt misconception is applied, and that any other step slips. */
const misconceptionRate = 0.65;
const slipRate = 0.03;

/** Share of entries of each operation's table that the policy has learnt wrongly. */
const wrongShare: Readonly<Record<string, number>> = { '*': 0.35, '-': 0.2, '+': 0.1 };

/**
 * Creates chains of 2 to 6 operations and a policy with misconceptions: it nearly always gets some entries of the
 * tables wrong, in the same way, so that on hard problems the most frequent answer is wrong. The policy is a random
 * process instead of a model, so that a bench takes seconds; its draws depend only on (seed, branch, index of the
 * step).
 */
export function carelessChains(seed: number, count: number): CarelessChains {
  const rng = createRng(seed, 'careless chains');
  const chains = new Map<string, Chain>();
  while (chains.size < count) {
    const chain = drawChain(rng);
    chains.set(questionOf(chain), chain);
  }
  const misconceptions = drawMisconceptions(createRng(seed, 'misconceptions'));
  const problems = Array.from(chains, ([question, { steps }], at): Problem => ({
    id: `careless/${seed}/${at}`,
    domain: 'math',
    family: 'careless-chains',
    prompt: [{ role: 'user', content: question }],
    answer: steps.at(-1)!.split('=')[1]!,
    source: 'generated',
  }));
  const chainOf = new Map(problems.map(({ id, prompt }) => [id, chains.get(prompt[0]!.content)!]));
  const engine = scriptedEngine({
    modelHash: `careless-${seed}`,
    complete: (key, index, _version, _turn, { given, seed: sampling }) => {
      const chain = chainOf.get(key.split('|')[0]!)!;
      const text = String.fromCharCode(...given.tokens);
      return work(chain, text.slice(questionOf(chain).length), misconceptions, hashKey(sampling, key, index));
    },
  });
  const isRight = ({ id }: Problem, transcript: Transcript, end: number): boolean => {
    const { steps } = chainOf.get(id)!;
    const text = engine.decode(transcript.tokens.subarray(promptLength(transcript), end));
    const right = `${steps.join(';')};\\boxed{${steps.at(-1)!.split('=')[1]!}}`;
    return text === right || (text.endsWith(';') && right.startsWith(text));
  };
  return { problems, engine, isRight };
}

function drawChain(rng: Rng): Chain {
  const start = rng.integer(0, 9);
  const hardness = rng.next();
  const steps: string[] = [];
  let value = start;
  const operations = Array.from({ length: rng.integer(2, 6) }, () => {
    const sign = rng.next() < 0.8 * hardness ? '*' : rng.pick(['+', '-']);
    const by = rng.integer(2, 9);
    const result = apply(value, sign, by);
    steps.push(`${value}${sign}${by}=${result}`);
    value = result;
    return { sign, by };
  });
  return { start, operations, steps };
}

const questionOf = ({ start, operations }: Chain): string =>
  `${start}${operations.map(({ sign, by }) => `${sign}${by}`).join('')}=?`;

function apply(value: number, sign: string, by: number): number {
  if (sign === '*') return (value * by) % 10;
  return (sign === '+' ? value + by : value - by + 10) % 10;
}

/** Draws entries such as `3*7`, each with the wrong result that the policy has learnt. */
function drawMisconceptions(rng: Rng): Map<string, number> {
  const wrong = new Map<string, number>();
  for (const [sign, share] of Object.entries(wrongShare)) {
    for (let value = 0; value < 10; value++) {
      for (let by = 2; by < 10; by++) {
        if (rng.next() < share)
          wrong.set(`${value}${sign}${by}`, (apply(value, sign, by) + rng.integer(1, 9)) % 10);
      }
    }
  }
  return wrong;
}

/** Solves the rest of a chain after the steps written so far. */
function work(chain: Chain, done: string, misconceptions: Map<string, number>, key: number): string {
  const before = done.split(';').slice(0, -1);
  let value = Number(before.at(-1)?.split('=')[1] ?? chain.start);
  const steps: string[] = [];
  for (let at = before.length; at < chain.operations.length; at++) {
    const { sign, by } = chain.operations[at]!;
    const right = apply(value, sign, by);
    const wrong = misconceptions.get(`${value}${sign}${by}`);
    const draw = uniformAt(key, at, 0);
    let result = right;
    if (wrong !== undefined && draw < misconceptionRate) result = wrong;
    else if (wrong === undefined && draw < slipRate)
      result = (right + 1 + Math.floor(9 * uniformAt(key, at, 1))) % 10;
    steps.push(`${value}${sign}${by}=${result};`);
    value = result;
  }
  return `${steps.join('')}\\boxed{${value}}`;
}
