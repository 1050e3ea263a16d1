import { join } from 'node:path';
import type { Problem } from '../../src/core/problem.ts';
import { zeroAdvantage } from '../../src/curriculum/gates/zero-advantage.ts';
import { stage } from '../../src/curriculum/stage.ts';
import { simpleLevels } from '../../src/difficulty/levels/level-presets.ts';
import { openPassRateStore } from '../../src/difficulty/pass-rates/sqlite-store.ts';
import { defineRecipe } from '../../src/recipe/define-recipe.ts';
import type { RecipeInput } from '../../src/recipe/recipe.ts';
import { checkRecipe } from '../../src/recipe/resolve-stage.ts';
import { beam, bestOfN, dvts, majority } from '../../src/rollout/strategies/strategy-config.ts';
import { confidenceScorer } from '../../src/scorers/confidence-scorer.ts';
import { createPendingWork } from '../../src/rollout/pending.ts';
import { createRun } from '../../src/runs/writing/create-run.ts';
import type { Player } from '../../src/services/dashboard/play.ts';
import type { ReadPieces } from '../../src/services/dashboard/views/rollouts/group-detail.ts';
import { codeProblem, mathProblem, scriptedEngine } from '../../src/testing/index.ts';
import { train } from '../../src/training/controller.ts';
import { controllerStart } from '../../src/training/state.ts';
import { openVerifier, verifierConfig } from '../../src/verifiers/config.ts';

/** A megabyte of text that tries to trick a page. Contains no NUL, which the scripted engine treats as the end
 * token. */
export const hostileText = `<script>globalThis.owned = 1</script><img src=x onerror="owned=1"><svg onload="owned=1">\u001b[2J\u001b]0;t\u0007\u202Eltr\u2066 🎓 \uD800 \\boxed{<b>9</b>} ${'x'.repeat(1_000_000)}`;

/** A problem that is never solved, so it is the hardest of every stage. */
export const worstProblem = 'trap/9/worst';
/** Problem whose rollouts contain `hostileText`. */
export const hostileProblem = 'hostile/1/<i>text</i>';

const problems: readonly Problem[] = [
  ...Array.from({ length: 10 }, (_, i) =>
    mathProblem({
      id: `sum/${i}`,
      family: 'sum',
      knob: i,
      answer: String(i),
      prompt: [{ role: 'user', content: `0+${i}=?` }],
    }),
  ),
  ...Array.from({ length: 4 }, (_, i) => codeProblem({ id: `double/${i}`, knob: i })),
  mathProblem({ id: worstProblem, family: 'trap', knob: 9, answer: '1/13' }),
  mathProblem({
    id: hostileProblem,
    family: 'hostile',
    prompt: [{ role: 'user', content: '<img src=x onerror=owned=1>\u0000\u2028 4+5=?' }],
    answer: '9',
  }),
];

/** Completes like a model that gets better with every version, except at `worstProblem`. */
function write(key: string, index: number, version: number): string {
  if (key === worstProblem) return String.raw`one of twelve: \boxed{\frac{1}{12}}`;
  if (key === hostileProblem)
    return index === 0 && version > 0 ? hostileText : `\\boxed{${index % 2 === 0 ? 9 : 8}}`;
  const n = Number(key.split('/')[1]);
  const isRight = (index * 5 + n * 3) % 12 < 4 + version;
  if (key.startsWith('double')) return isRight ? '(x)=>2*x' : '(x)=>x+1';
  return isRight ? `\\boxed{${n}}` : index % 5 === 4 ? 'I do not know.' : `\\boxed{${n + 1}}`;
}

/** Completes a step of a search, whose branches are `problem|…`: an answer to a math problem is cut after its brace. */
function writeStep(key: string, index: number, version: number): string {
  const [problem, ...branch] = key.split('|');
  const text = write(problem!, index, version);
  return branch.length === 0 ? text : text.slice(text.indexOf('{') + 1);
}

const heldOutSuite = {
  name: 'held-out',
  rollouts: 2,
  maxTokens: 64,
  every: 4,
  problems: [{ type: 'generated' as const, split: 'held-out' as const, perCell: 1 }],
};

/** The same suite, which also compares strategies. */
export const strategySuite = {
  ...heldOutSuite,
  strategies: [majority(), bestOfN(), beam({ width: 2 }), dvts({ width: 2 })],
  budgets: [2, 4],
  scorer: confidenceScorer(),
  stepSeparator: '{',
};

const recipeOf = (changes: Partial<RecipeInput>) =>
  defineRecipe({
    name: 'scripted',
    policy: { model: 'none' },
    problems: [{ type: 'generated', split: 'train', perCell: 1 }],
    verifiers: { math: { type: 'math', extraction: 'boxed' }, code: { type: 'javascript-tests' } },
    difficulty: { type: 'pass-rate', rollouts: 4, maxTokens: 64 },
    levels: simpleLevels(),
    algorithm: { type: 'dapo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 2_000_000 },
    batch: { problems: 8, groupSize: 4 },
    stages: [
      stage('all', { maxSteps: 4, gates: [zeroAdvantage()] }),
      stage('hard', { select: ['medium', 'hard'], remeasure: { problems: 'all', rollouts: 4 }, maxSteps: 4 }),
    ],
    evaluation: [heldOutSuite],
    checkpoints: { type: 'checkpoints', everySteps: 100 },
    ...changes,
  });

/** Problems of the suite in addition to six sums. */
const heldOut: readonly string[] = [worstProblem, 'double/0'];

/** Options of a scripted run. */
export interface ScriptedRun {
  readonly changes?: Partial<RecipeInput>;
  /** Awaited before each completion by a policy version, so that a test controls the pace of a live run. */
  readonly mayWrite?: (version: number) => Promise<void>;
}

/** Trains a scripted model with the real controller, and records the run under `root`. Takes about a second. */
export async function trainScriptedModel(
  root: string,
  { changes = {}, mayWrite }: ScriptedRun = {},
): Promise<void> {
  const recipe = recipeOf(changes);
  const engine = scriptedEngine({
    maxSequenceTokens: 3_000_000,
    complete: async (key, index, version) => {
      await mayWrite?.(version);
      return writeStep(key, index, version);
    },
  });
  await using run = await createRun(root, { name: recipe.name, recipe, seed: recipe.seed });
  await using math = openVerifier(verifierConfig.parse(recipe.verifiers['math']));
  await using code = openVerifier(verifierConfig.parse(recipe.verifiers['code']));
  using store = openPassRateStore(join(run.directory, 'pass-rates.sqlite'));
  const suites = recipe.evaluation.map(({ problems: _, ...config }) => ({
    config,
    problems: [...problems.slice(0, 6), ...problems.filter(({ id }) => heldOut.includes(id))],
  }));
  await train(
    {
      recipe,
      engine,
      verifierFor: ({ domain }) => (domain === 'code' ? code : math),
      pending: createPendingWork(),
      problems,
      suites,
      levels: checkRecipe(recipe),
      knownPassRates: new Map(),
      warnings: [],
      run,
      store,
      report: () => {},
    },
    controllerStart,
  );
}

/**
 * Decodes the scripted engine's tokens: one UTF-16 unit each. Undefined for long texts, as if the tokenizer were
 * missing.
 */
export const scriptedPieces: ReadPieces = (_directory, tokens) =>
  Promise.resolve(tokens.length > 10_000 ? undefined : tokens.map((token) => String.fromCharCode(token)));

/** A player whose model never solves `worstProblem`. */
export const scriptedPlayer: Player = {
  models: () => Promise.resolve([{ step: null, label: 'the finished model' }]),
  async *answer(_directory, { count }) {
    for (let index = 0; index < count; index++) {
      const text = '<b>1/12</b>';
      yield { type: 'part', index, text: text.slice(0, 4) };
      const pieces = [...text];
      const logprobs = pieces.map(() => -1);
      const evidence = { extracted: '1/12', gold: '1/13', rule: 'no rule makes them equal' };
      const verdict = {
        outcome: 'incorrect',
        score: 0,
        reason: '1/12 is not 1/13',
        verifier: 'math@1',
        evidence,
      } as const;
      yield {
        type: 'completion',
        index,
        text,
        finishReason: 'stop',
        tokens: [...pieces.keys()],
        logprobs,
        entropies: null,
        pieces,
        verdict,
        failure: null,
      };
    }
  },
};
