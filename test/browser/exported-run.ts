import type { ExportedRun } from '../../src/server/exported-run.ts';
import type { Attempt } from '../../src/server/views/group-detail.ts';
import type { Group } from '../../src/server/views/groups.ts';

/** Everything a model may write to trick a page. */
export const hostileText = `<script>globalThis.owned = 1</script><img src=x onerror="owned=1">\u001b[2J\u0000\u202Eltr\uD800 🎓 ${'x'.repeat(100_000)}`;

const group = (id: number, stage: string, problemId: string, correct: number): Group => ({
  id,
  step: id,
  stage,
  purpose: 'train',
  problemId,
  domain: 'math',
  family: 'division',
  knob: 9,
  level: null,
  policyVersion: 0,
  rollouts: 2,
  trials: 2,
  correct,
  meanReward: correct / 2,
  meanTokens: 5,
  outcomes: { correct, incorrect: 2 - correct },
  suspicious: 0,
});

const attempt = (index: number, text: string): Attempt => ({
  index,
  text,
  outcome: 'incorrect',
  score: 0,
  reward: 0,
  advantage: 0,
  reason: '18 is not 20',
  verifier: 'math@1',
  finishReason: 'stop',
  evidence: { extracted: '18', gold: '20' },
  flags: [],
  policyVersion: 0,
  tokens: [1, 2],
  logprobs: [-0.1, -0.5],
  pieces: null,
});

const groups = [group(1, 'easy', 'division/1/easy', 1), group(2, 'hard', 'division/9/hard', 0)] as const;
const detailOf = (one: Group, attempts: readonly Attempt[]) => ({
  group: one,
  prompt: [{ role: 'user' as const, content: '40/2=?' }],
  answer: '20',
  attempts,
  visits: [one],
});
const facet = (...values: readonly string[]) => values.map((value) => ({ value, count: 1 }));
const levels = [{ level: 'division 9', fromStep: 1, toStep: 2, correct: 1, trials: 4 }];

/** A run of two steps, one stage each, as a page embeds it. */
export const exportedRun: ExportedRun = {
  detail: {
    head: {
      folder: 'demo-0001',
      name: 'demo',
      status: 'finished',
      reason: 'all 2 stages done',
      seed: 0,
      recipeHash: '50f32e035d9e',
      parent: null,
      step: 2,
      stage: 'hard',
      createdAt: '2026-11-22T22:38:03.033Z',
      updatedAt: '2026-11-22T22:39:46.190Z',
      endedAt: '2026-11-22T22:39:46.190Z',
      stagesBegun: 2,
      stageCount: 2,
      maxSteps: 2,
      sparkline: [0.5, 0],
      accuracy: null,
    },
    plan: [],
    stages: [
      { stage: 'easy', firstStep: 1, lastStep: 1 },
      { stage: 'hard', firstStep: 2, lastStep: 2 },
    ],
    now: null,
    eta: null,
    events: [{ id: 1, step: 1, stage: 'easy', type: 'stage-end', message: 'stage "easy" ends' }],
    evaluations: [
      {
        step: 0,
        name: 'held-out',
        problems: 10,
        accuracy: { mean: 0.2, low: 0.1, high: 0.3 },
        byDomain: {},
        byFamily: {},
        byLevel: {},
      },
    ],
    metrics: [{ name: 'reward/mean', isTiming: false }],
    alerts: [],
    sessions: [],
    recipe: {},
    can: { filterRollouts: true, play: false },
  },
  notes: [],
  metrics: { 'reward/mean': { steps: [1, 2], values: [0.5, 0] } },
  facets: {
    stage: facet('easy', 'hard'),
    purpose: [{ value: 'train', count: 2 }],
    domain: facet('math'),
    family: facet('division'),
    level: [],
    outcome: facet('incorrect'),
    finish: facet('stop'),
    flag: [],
  },
  groups,
  rollouts: [],
  details: {
    1: detailOf(groups[0], [attempt(0, '18'), attempt(1, '20')]),
    2: detailOf(groups[1], [attempt(0, hostileText), attempt(1, '18')]),
  },
  levels: { any: levels, level: [], family: levels, domain: [] },
  curriculum: { selections: [], flows: [], atFirst: [], atLast: [], samplerMetrics: [], gateMetrics: [] },
  problems: {},
  omitted: [],
};
