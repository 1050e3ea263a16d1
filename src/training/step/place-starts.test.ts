import { describe, expect, test } from 'vitest';
import { algorithmConfig, createAlgorithm } from '../../algorithms/algorithm.ts';
import { rewardConfig } from '../../algorithms/reward.ts';
import { scoreGroup } from '../../algorithms/scored-group.ts';
import { buildTrainingBatch } from '../../algorithms/training-batch.ts';
import { hashKey, uniformAt } from '../../core/rng.ts';
import { answerOf, type RolloutGroup } from '../../core/rollout.ts';
import type { Start } from '../../core/transcript.ts';
import { stage } from '../../curriculum/stage.ts';
import { reinforceStages } from '../../curriculum/stages.ts';
import { restart } from '../../curriculum/starts/restart.ts';
import { reveal } from '../../curriculum/starts/reveal.ts';
import type { StartChoice, Starts } from '../../curriculum/starts/starts.ts';
import { ahead } from '../../recipe/batch-source.ts';
import { defineRecipe } from '../../recipe/define-recipe.ts';
import type { RecipeInput } from '../../recipe/recipe.ts';
import { checkRecipe, resolveStage } from '../../recipe/resolve-stage.ts';
import { rollAll } from '../../rollout/roll-groups.ts';
import { mathProblem, scriptedEngine } from '../../testing/index.ts';
import { mathAnswer, mathConfig, openMathAnswer } from '../../verifiers/math/verifier.ts';
import { placeStarts } from './place-starts.ts';

const recipeOf = (changes: Partial<RecipeInput>) =>
  defineRecipe({
    name: 'starts',
    policy: { model: 'none' },
    problems: [{ type: 'generated', split: 'train', perCell: 1 }],
    verifiers: { math: mathAnswer({ extraction: 'boxed' }) },
    algorithm: { type: 'grpo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 32 },
    stages: [stage('one', { maxSteps: 1 })],
    ...changes,
  });
const verifierFor = () => openMathAnswer(mathConfig.parse(mathAnswer({ extraction: 'boxed' })));
const problem = mathProblem({ answer: '42', solution: '6*7=42 so \\boxed{42}' });
const engine = scriptedEngine({ complete: (_key, index) => (index === 0 ? '{42}' : '{41}') });

/** Returns the start that results from a given choice for the problem. */
async function place(choice: StartChoice, input: object): Promise<Start | undefined> {
  const recipe = recipeOf({ stages: [stage('one', { maxSteps: 1, starts: input as never })] });
  const starts = { choose: () => [choice] } as unknown as Starts;
  const settings = resolveStage(recipe, reinforceStages(recipe.stages)[0]!);
  const placed = await placeStarts({ engine, verifierFor }, { starts, settings }, [problem]);
  return placed!.get(problem.id);
}
const solution = (share: number) => place({ kind: 'solution', share }, reveal());
const tokens = (text: string): number[] => Array.from(engine.encode(text));

test("reveals the given share of the solution's tokens, but always leaves at least one token to write", async () => {
  const whole = tokens(problem.solution!).length;
  for (const share of [0.25, 0.5, 0.8]) {
    const start = await solution(share);
    expect(start!.tokens.length).toBe(Math.round(share * whole));
    expect(problem.solution!.startsWith(start!.text)).toBe(true);
  }
  expect((await solution(1))!.text).not.toContain('{42}');
});

test('shortens a start that already contains a correct answer', async () => {
  const [a] = [{ ...problem, solution: '\\boxed{42} as 6*7=42, which is easy to see' }];
  const recipe = recipeOf({ stages: [stage('one', { maxSteps: 1, starts: reveal() })] });
  const starts = { choose: () => [{ kind: 'solution', share: 0.9 }] } as unknown as Starts;
  const settings = resolveStage(recipe, reinforceStages(recipe.stages)[0]!);
  const start = (await placeStarts({ engine, verifierFor }, { starts, settings }, [a]))!.get(a.id);
  expect(start?.text ?? '').not.toContain('\\boxed{42}');
});

describe('likelihood', () => {
  const whole = Array.from(engine.encode(problem.solution!));
  /**
   * Creates an engine that assigns these probabilities to the solution's tokens; the last probability applies to all
   * further tokens.
   */
  const scoring = (probabilities: readonly number[]) => ({
    ...engine,
    sampler: engine.sampler,
    renderer: engine.renderer,
    weights: {
      logprobs: ({ sequences }: { sequences: readonly { tokens: Int32Array }[] }) =>
        Promise.resolve(
          sequences.map(({ tokens: all }) =>
            Float32Array.from(all, (_, t) =>
              Math.log(probabilities[t - (all.length - whole.length)] ?? probabilities.at(-1)!),
            ),
          ),
        ),
    },
  });
  const cutWith = async (probabilities: readonly number[], correction = 0, maxShare = 1) => {
    const recipe = recipeOf({
      stages: [stage('one', { maxSteps: 1, starts: reveal({ rule: 'likelihood' }) })],
    });
    const starts = { choose: () => [{ kind: 'likelihood', correction, maxShare }] } as unknown as Starts;
    const settings = resolveStage(recipe, reinforceStages(recipe.stages)[0]!);
    const parts = { engine: scoring(probabilities) as never, verifierFor };
    const placed = await placeStarts(parts, { starts, settings }, [problem]);
    const start = placed!.get(problem.id);
    expect(start?.kind ?? 'solution').toBe('solution');
    return start?.tokens.length ?? 0;
  };

  test('cuts where the rest of the solution has a probability of about one half', async () => {
    // The first token is improbable, the second has probability one half, and the rest is certain.
    expect(await cutWith([0.01, 0.5, 1])).toBe(1);
    expect(await cutWith([0.01, 0.01, 0.01, 0.4, 1])).toBe(3);
    expect(await cutWith([0.6, 1])).toBe(0);
  });

  test('reveals less if attempts succeed more often than the likelihood predicts', async () => {
    const steps = [0.5, 0.1, 0.5, 1];
    expect(await cutWith(steps)).toBe(2);
    expect(await cutWith(steps, Math.log(19))).toBe(1);
    expect(await cutWith([0.01, 0.01, 0.01, 0.4, 1], 0, 2.1 / whole.length)).toBe(2);
  });

  test('rejects an engine without local weights', async () => {
    const recipe = recipeOf({ stages: [stage('one', { maxSteps: 1, starts: reveal() })] });
    const choice = { kind: 'likelihood', correction: 0, maxShare: 1 };
    const starts = { choose: () => [choice] } as unknown as Starts;
    const settings = resolveStage(recipe, reinforceStages(recipe.stages)[0]!);
    const { sampler, renderer } = engine;
    await expect(
      placeStarts({ engine: { sampler, renderer }, verifierFor }, { starts, settings }, [problem]),
    ).rejects.toThrow('expected an engine with local weights for rule "likelihood"');
  });
});

test('stops judging starts when aborted', async () => {
  const recipe = recipeOf({ stages: [stage('one', { maxSteps: 1, starts: reveal() })] });
  const starts = { choose: () => [{ kind: 'solution', share: 0.9 }] } as unknown as Starts;
  const settings = resolveStage(recipe, reinforceStages(recipe.stages)[0]!);
  const stop = new AbortController();
  const hanging = () => ({
    ...verifierFor(),
    verify: (_: unknown, __: unknown, signal?: AbortSignal) =>
      new Promise<never>((_resolve, reject) => {
        signal!.addEventListener('abort', () => reject(signal!.reason as Error));
        stop.abort(new Error('stopped by the user'));
      }),
  });
  const parts = { engine, verifierFor: hanging };
  await expect(placeStarts(parts, { starts, settings }, [problem], stop.signal)).rejects.toThrow(
    'stopped by the user',
  );
});

test("cuts complete steps off the end of a policy's attempt and appends the marker", async () => {
  const attempt = tokens('one\n\ntwo\n\nthree');
  const settings = restart({ mark: ' Wait,' });
  expect((await place({ kind: 'incorrect', attempt, steps: 1 }, settings))!.text).toBe(
    'one\n\ntwo\n\n Wait,',
  );
  expect((await place({ kind: 'incorrect', attempt, steps: 2 }, settings))!.text).toBe('one\n\n Wait,');
  expect(await place({ kind: 'incorrect', attempt, steps: 3 }, settings)).toBeUndefined();
});

const start: Start = { kind: 'solution', tokens: engine.encode('so \\boxed'), text: 'so \\boxed' };
const rollFrom = (starts: ReadonlyMap<string, Start>): Promise<RolloutGroup[]> =>
  rollAll(
    { engine, verifierFor },
    { problems: [problem], rollouts: 2, maxTokens: 20, temperature: 1, seed: 1, starts },
  );

test('judges start and continuation together; start tokens have weight 0', async () => {
  const [group] = await rollFrom(new Map([[problem.id, start]]));
  expect(group!.rollouts.map(({ verdict }) => verdict.outcome)).toEqual(['correct', 'incorrect']);
  expect(answerOf(group!.rollouts[0]!)).toBe('so \\boxed{42}');
  const algorithm = createAlgorithm(algorithmConfig.parse({ type: 'grpo' }));
  const options = { reward: rewardConfig.parse({ type: 'outcome' }), maxTokens: 20 };
  const { sequences } = buildTrainingBatch([scoreGroup(group!, algorithm, options)], algorithm, {
    maxTokens: 20,
  });
  const given = engine.render(problem.prompt).length + start.tokens.length;
  for (const { weights, advantages, tokens: all } of sequences) {
    expect(Array.from(all.subarray(given - start.tokens.length, given))).toEqual(Array.from(start.tokens));
    expect(weights.subarray(0, given).every((weight) => weight === 0)).toBe(true);
    expect(advantages.subarray(0, given).every((advantage) => advantage === 0)).toBe(true);
    expect(weights.subarray(given).every((weight) => weight > 0)).toBe(true);
  }
});

/** Creates a group from one start, with random outcomes. */
async function groupWith(kind: Start['kind'], seed: number): Promise<RolloutGroup> {
  const [group] = await rollFrom(new Map([[problem.id, { ...start, kind }]]));
  const outcomeAt = (index: number) =>
    uniformAt(hashKey(seed, kind), index) < 0.5 ? ('correct' as const) : ('incorrect' as const);
  const rollouts = Array.from({ length: 6 }, (_, index) => {
    const rollout = group!.rollouts[index % 2]!;
    return { ...rollout, index, verdict: { ...rollout.verdict, outcome: outcomeAt(index) } };
  });
  return { ...group!, rollouts };
}

test('a bonus for restarts has no effect with GRPO and weights the group with Dr. GRPO', async () => {
  const reward = rewardConfig.parse({ type: 'outcome' });
  const scored = (group: RolloutGroup, type: 'grpo' | 'dr-grpo', restartBonus: number) =>
    scoreGroup(group, createAlgorithm(algorithmConfig.parse({ type })), {
      reward,
      maxTokens: 20,
      restartBonus,
    }).scored.map(({ advantage }) => advantage!);
  for (const kind of ['correct', 'incorrect'] as const)
    for (let seed = 0; seed < 20; seed++) {
      const group = await groupWith(kind, seed);
      for (const [i, advantage] of scored(group, 'grpo', 0.5).entries())
        expect(advantage).toBeCloseTo(scored(group, 'grpo', 0)[i]!, 5);
      for (const [i, advantage] of scored(group, 'dr-grpo', 0.5).entries())
        expect(advantage).toBeCloseTo(1.5 * scored(group, 'dr-grpo', 0)[i]!, 12);
    }
  const [plain] = await rollFrom(new Map());
  expect(scored(plain!, 'dr-grpo', 0.5)).toEqual(scored(plain!, 'dr-grpo', 0));
});

test('rejects a bonus that has no effect, and starts inside environments', () => {
  const check = (changes: Partial<RecipeInput>, starts: object) =>
    checkRecipe(recipeOf({ ...changes, stages: [stage('one', { maxSteps: 1, starts: starts as never })] }));
  expect(() => check({}, restart({ bonus: 0.5 }))).toThrow(
    'expected bonus 0 for restart() with grpo, got 0.5',
  );
  expect(() => check({ algorithm: { type: 'dr-grpo' } }, restart({ bonus: 0.5 }))).not.toThrow();
  expect(() => check({ environments: { math: { type: 'python' } } }, reveal())).toThrow(
    'set closedBook: true',
  );
  expect(() =>
    checkRecipe(
      recipeOf({ stages: [stage('one', { maxSteps: 1, starts: reveal(), sampler: { type: 'auto' } })] }),
    ),
  ).toThrow('expected starts prompt() with the sampler auto');
  const batch = { source: ahead({ maxOffPolicySteps: 1 }) };
  expect(() => check({ batch }, reveal())).toThrow('expected batch.source in-step for starts reveal()');
});
