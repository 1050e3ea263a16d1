import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generated } from '../../src/problems/generated-source.ts';
import { gradus, jsonLines, makeWorkplace, startGradus, writeRows } from './gradus.ts';

const folder = makeWorkplace('wrong');
const tiny = join(process.cwd(), 'models/gradus-tiny');
beforeAll(() => {
  const weekday = (n: number): object => ({
    id: `day/${n}`,
    prompt: `${n}+1=?`,
    answer: String(n % 7),
    family: 'weekday',
  });
  writeRows(
    join(folder, 'weekdays.jsonl'),
    Array.from({ length: 40 }, (_, n) => weekday(n)),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const source = generated({ families: ['addition', 'brackets'], knobs: [1, 2], split: 'train', perCell: 40 });
const heldOut = generated({
  families: ['addition', 'brackets'],
  knobs: [1, 2],
  split: 'held-out',
  perCell: 30,
});

/** Trains with overrides of a healthy recipe; returns the command's output. */
async function train(name: string, overrides: object) {
  const recipe = {
    name,
    policy: { model: tiny, engine: { type: 'embedded', lanes: 1 } },
    problems: [source],
    verifiers: { math: { type: 'math', extraction: 'boxed' } },
    algorithm: { type: 'grpo' },
    optimizer: { learningRate: 1e-4 },
    sampling: { maxTokens: 16 },
    batch: { problems: 8, groupSize: 4 },
    stages: [{ type: 'stage', name: 'all', maxSteps: 12 }],
    evaluation: [{ name: 'held-out', maxTokens: 16, rollouts: 2, problems: [heldOut] }],
    ...overrides,
  };
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(recipe));
  const ended = await gradus(folder, 'train', `${name}.json`, '--json');
  const result = jsonLines(ended).at(-1) as { alerts?: { id: string }[] } | undefined;
  return { ...ended, alerts: (result?.alerts ?? []).map(({ id }) => id) };
}

const slow = { timeout: 120_000 };

test('exits with 7 if the learning rate ruins the model: held-out accuracy fell', slow, async () => {
  const { code, alerts, stderr } = await train('ruined', { optimizer: { learningRate: 0.02 } });
  expect(alerts).toContain('held-out-fell');
  expect(code).toBe(7);
  expect(stderr).toContain('Held-out accuracy on held-out fell by');
});

test('blames an excessive learning rate, not the machine', slow, async () => {
  const { code, stderr } = await train('boundless', { optimizer: { learningRate: 1e9 } });
  expect(code).toBe(4);
  expect(stderr).toContain('learning rate');
  expect(stderr).not.toContain('gradus doctor');
});

test('exits with 7 if one-token answers leave every step without a signal', slow, async () => {
  const { code, alerts } = await train('short', { sampling: { maxTokens: 1 }, evaluation: [] });
  expect(alerts).toEqual(expect.arrayContaining(['no-signal', 'mostly-truncated', 'unparsed']));
  expect(code).toBe(7);
});

test('reports a small pool that is used many times, with exit code 0', slow, async () => {
  const small = generated({ families: ['addition'], knobs: [1], split: 'train', perCell: 8 });
  const { code, alerts } = await train('small', { problems: [small], evaluation: [] });
  expect(alerts).toContain('pool-exhausted');
  expect(code).toBe(0);
});

test('reports no alert for a healthy run', slow, async () => {
  const { code, alerts, stdout } = await train('sound', {});
  expect([code, alerts]).toEqual([0, []]);
  expect(stdout).toContain('"alerts":[]');
});

test(
  '--dry-run names an exit rule that can never fire and a model without a chat template',
  slow,
  async () => {
    const recipe = {
      name: 'dry',
      policy: { model: 'model', engine: { type: 'embedded', lanes: 1 } },
      problems: [{ type: 'jsonl', path: 'weekdays.jsonl' }],
      verifiers: { math: { type: 'math', extraction: 'boxed' } },
      algorithm: { type: 'grpo' },
      optimizer: { learningRate: 1e-4 },
      sampling: { maxTokens: 8 },
      batch: { problems: 4, groupSize: 2 },
      stages: [
        {
          type: 'stage',
          name: 'all',
          maxSteps: 20,
          advanceWhen: { type: 'plateau', metric: 'reward/mean', window: 100 },
        },
      ],
    };
    writeFileSync(join(folder, 'dry.json'), JSON.stringify(recipe));
    rmSync(join(folder, 'model', 'chat_template.jinja'), { force: true });
    const { code, stdout } = await gradus(folder, 'train', 'dry.json', '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('looks at 100 steps of reward/mean, but the stage has 20; it can never fire');
  },
);

test('sft keeps a checkpoint when interrupted, and resumes', slow, async () => {
  const examples = Array.from({ length: 400 }, (_, n) => ({ prompt: `${n}+1=?`, completion: String(n + 1) }));
  writeRows(join(folder, 'examples.jsonl'), examples);
  const words = ['sft', tiny, 'examples.jsonl', '--runs', 'kept', '--max-steps', '100', '--batch-size', '4'];
  const running = startGradus(folder, words);
  await running.said('step 1 (sft)');
  running.child.kill('SIGINT');
  const { code, stderr } = await running.ended;
  expect(code).toBe(130);
  const run = join('kept', 'sft-0001');
  expect(stderr).toContain(`try: gradus resume ${run}`);
  const resumed = await gradus(folder, 'resume', run);
  expect(resumed).toMatchObject({ code: 0, stdout: expect.stringMatching(/from step [1-9]/) });
  expect(existsSync(join(folder, run, 'export', 'model.safetensors'))).toBe(true);
});
