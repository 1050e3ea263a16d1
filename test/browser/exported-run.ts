/** Everything a model may write to trick a page. */
export const hostileText = `<script>globalThis.owned = 1</script><img src=x onerror="owned=1">\u001b[2J\u0000\u202Eltr\uD800 🎓 ${'x'.repeat(100_000)}`;

const group = (id: number, stage: string, problemId: string, correct: number) => ({
  id,
  step: id,
  stage,
  purpose: 'train',
  problemId,
  domain: 'math',
  family: 'division',
  knob: 9,
  level: null,
  rollouts: 2,
  trials: 2,
  correct,
  meanReward: correct / 2,
  meanTokens: 5,
});

const attempt = (index: number, text: string) => ({
  index,
  prompt: [{ role: 'user', content: '40/2=?' }],
  text,
  answer: '20',
  outcome: 'incorrect',
  score: 0,
  reward: 0,
  advantage: 0,
  reason: '18 is not 20',
  verifier: 'math@1',
  finishReason: 'stop',
  evidence: { extracted: '18', gold: '20' },
  tokens: [1, 2],
  logprobs: [-0.1, -0.5],
});

/** A run of two steps, one stage each, as a page embeds it. */
export const exportedRun = {
  detail: {
    head: {
      folder: 'demo-0001',
      name: 'demo',
      status: 'finished',
      reason: 'all 2 stages done',
      seed: 0,
      recipeHash: '50f32e035d9e',
      step: 2,
      stage: 'hard',
      createdAt: '2026-11-22T22:38:03.033Z',
      updatedAt: '2026-11-22T22:39:46.190Z',
    },
    stages: [
      { stage: 'easy', firstStep: 1, lastStep: 1 },
      { stage: 'hard', firstStep: 2, lastStep: 2 },
    ],
    events: [{ step: 1, stage: 'easy', type: 'stage-end', message: 'stage "easy" ends' }],
    evaluations: [{ step: 0, name: 'held-out', problems: 10, accuracy: { mean: 0.2, low: 0.1, high: 0.3 } }],
    metricNames: ['reward/mean'],
  },
  metrics: { 'reward/mean': { steps: [1, 2], values: [0.5, 0] } },
  groups: [group(1, 'easy', 'division/1/easy', 1), group(2, 'hard', 'division/9/hard', 0)],
  levels: [{ level: 'division 9', fromStep: 1, toStep: 2, correct: 1, trials: 4 }],
  attempts: { 1: [attempt(0, '18'), attempt(1, '20')], 2: [attempt(0, hostileText), attempt(1, '18')] },
};
