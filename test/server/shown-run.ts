import { createRng, type Rng } from '../../src/core/rng.ts';
import { type Outcome, outcomes } from '../../src/core/verdict.ts';
import { createRun } from '../../src/runs/writing/create-run.ts';
import type { RecordedGroup, StageCandidate } from '../../src/runs/files/records.ts';
import type { Run } from '../../src/runs/writing/run.ts';
import { singleTurn } from '../../src/testing/single-turn.ts';

/** Sizes of a run that contains everything that the pages show: stages, levels, selections, evaluations, flags, all
 * outcomes. */
export interface ShownPlan {
  readonly stages: number;
  readonly stepsPerStage: number;
  readonly groupsPerStep: number;
  readonly rollouts: number;
  readonly metrics: number;
  readonly candidates: number;
  readonly tokens: number;
}

/** Sizes small enough for tests that take milliseconds. */
export const smallShown: ShownPlan = {
  stages: 3,
  stepsPerStage: 4,
  groupsPerStep: 3,
  rollouts: 4,
  metrics: 5,
  candidates: 9,
  tokens: 6,
};

/** Returns the parts of the run's recipe that the pages read. */
export const shownRecipe = ({ stages, stepsPerStage }: ShownPlan) => ({
  name: 'shown',
  stages: Array.from({ length: stages }, (_, index) => ({
    type: 'stage',
    name: `stage-${index + 1}`,
    maxSteps: stepsPerStage,
    ...(index === 0 ? {} : { select: ['medium', 'hard'], remeasure: { rollouts: 4, problems: 'all' } }),
    advanceWhen: { type: 'plateau', metric: 'reward/mean', window: 50 },
    sampler: { type: 'uniform' },
    gates: [{ type: 'zero-advantage' }],
  })),
});

const levels = ['easy', 'medium', 'hard'];
const families = ['addition', 'division', 'sequences'];
/** Returns an id with slashes, spaces, both cases, and characters that are special in SQL or LIKE. */
const problemName = (index: number): string =>
  [`addition/${index}/a b`, `Division_${index}%`, `sequences/ü'${index}`][index % 3]!;

/** Creates the run and records everything except its end. */
export async function recordShown(root: string, plan: ShownPlan, seed = 0): Promise<Run> {
  const run = await createRun(root, { name: 'shown', recipe: shownRecipe(plan), seed });
  const rng = createRng(seed, 'shown');
  await run.recordEvaluation({ step: 0, name: 'held-out', result: shownEvaluation(0.2) });
  for (let stage = 0; stage < plan.stages; stage++) await recordStage(run, rng, plan, stage);
  return run;
}

async function recordStage(run: Run, rng: Rng, plan: ShownPlan, index: number): Promise<void> {
  const stage = `stage-${index + 1}`;
  const candidates = Array.from({ length: plan.candidates }, (_, n) => candidate(rng, n));
  const message = `stage "${stage}" begins with ${candidates.length} problems`;
  await run.recordEvent({ step: run.step, stage, type: 'stage-start', message }, candidates);
  for (let done = 1; done <= plan.stepsPerStage; done++) await recordStep(run, rng, plan, stage, done);
  await run.recordEvent({ step: run.step, stage, type: 'stage-end', message: `stage "${stage}" ends` });
  const result = shownEvaluation(0.2 + (0.5 * (index + 1)) / plan.stages);
  await run.recordEvaluation({ step: run.step, name: 'held-out', result });
}

async function recordStep(run: Run, rng: Rng, plan: ShownPlan, stage: string, done: number): Promise<void> {
  const step = run.step + 1;
  const groups = Array.from({ length: plan.groupsPerStep }, () => shownGroup(rng, plan, step));
  const metrics = Object.fromEntries(
    Array.from({ length: plan.metrics - 2 }, (_, n) => [`bench/m${n}`, rng.next()]),
  );
  await run.recordStep({
    step,
    stage,
    metrics: { 'reward/mean': rng.next(), 'policy/entropy': 0.5 + rng.next(), ...metrics },
    groups,
    decision: `${done} of at most ${plan.stepsPerStage} steps done`,
  });
}

function candidate(rng: Rng, index: number): StageCandidate {
  const trials = rng.integer(0, 8);
  return {
    id: problemName(index),
    domain: index % 4 === 0 ? 'code' : 'math',
    levels: levels.filter(() => rng.next() < 0.5),
    measured: { successes: rng.integer(0, trials), trials },
    isSelected: rng.next() < 0.6,
  };
}

/** Returns a judged group with random outcomes and the missing fields that real records have. */
export function shownGroup(rng: Rng, plan: ShownPlan, step: number): RecordedGroup {
  const number = rng.integer(0, plan.candidates - 1);
  const id = problemName(number);
  const prompt = [{ role: 'user' as const, content: `what is ${number}?` }];
  const rollouts = Array.from({ length: plan.rollouts }, (_, index) => {
    const outcome = outcomes[rng.integer(0, outcomes.length - 1)] as Outcome;
    const tokens = Int32Array.from({ length: rng.integer(0, plan.tokens) }, () => rng.integer(0, 50_000));
    const turn = {
      promptTokens: Int32Array.of(1, 2),
      tokens,
      text: `answer \\boxed{${rng.integer(0, 99)}}`,
      finishReason: rng.next() < 0.8 ? ('stop' as const) : ('length' as const),
      policyVersion: step,
      logprobs: Float32Array.from(tokens, () => -rng.next()),
    };
    return {
      problemId: id,
      index,
      transcripts: [singleTurn(turn, prompt)],
      verdict: {
        outcome,
        score: Number(outcome === 'correct'),
        reason: `${rng.integer(0, 99)} is ${outcome}`,
        verifier: 'math@1',
        evidence: { gold: '7' },
      },
    };
  });
  const rewards = rollouts.map(({ verdict: { outcome, score } }) =>
    outcome === 'ungradable' ? null : score,
  );
  return {
    group: {
      problem: {
        id,
        domain: number % 4 === 0 ? 'code' : 'math',
        ...(number % 5 === 0 ? {} : { family: families[number % 3]!, knob: number % 7 }),
        prompt,
        answer: String(number),
        source: 'generated',
      },
      rollouts,
    },
    ...(rng.next() < 0.8 ? { level: levels[number % 3]! } : {}),
    rewards,
    advantages: rewards.map((reward) => (reward === null ? null : reward - 0.5)),
    flags: rollouts.map(({ verdict }) =>
      verdict.outcome === 'correct' && rng.next() < 0.3 ? ['equal only after rounding'] : [],
    ),
  };
}

/** Returns an evaluation in the shape of `evaluate`. */
export function shownEvaluation(accuracy: number) {
  const part = { problems: 10, accuracy: { mean: accuracy, low: accuracy - 0.1, high: accuracy + 0.1 } };
  const problems = Array.from({ length: 10 }, (_, n) => ({
    id: `held-out/${n}`,
    domain: 'math',
    trials: 4,
    correct: Math.round(4 * accuracy),
  }));
  return {
    suite: 'held-out',
    sampling: { rollouts: 4, temperature: 1, maxTokens: 24, greedy: false },
    verifiers: ['math@1'],
    overall: part,
    byDomain: { math: part },
    byFamily: {},
    byLevel: {},
    problems,
  };
}
