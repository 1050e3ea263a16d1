import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeMetric } from './metric-catalogue.ts';

test('describes every metric that training records under a fixed name', () => {
  const source = ['step/step-metrics.ts', 'step/learn.ts', 'step/worth-monitor.ts', 'controller.ts']
    .map((file) => readFileSync(`src/training/${file}`, 'utf8'))
    .join('\n');
  const names = [
    ...source.matchAll(
      /'((?:reward|verdict|answer|rollout|group|policy|optim|batch|time|throughput|gradient|staging)\/[\w/]+)'/g,
    ),
  ].map(([, name]) => name!);
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => describeMetric(name) === undefined)).toEqual([]);
});

test('fills in the placeholder of a name', () => {
  expect(describeMetric('reward/math/mean')).toMatchObject({ title: 'Reward, math', group: 'learning' });
  expect(describeMetric('level/a/b/passRate')).toMatchObject({
    title: 'Pass rate, a/b',
    key: 'level/a/b/passRate',
  });
  expect(describeMetric('sampler/brake/addition')?.title).toBe('Progress brake, addition');
  expect(describeMetric('sampler/math/liveUniform/low')?.title).toBe(
    'math: Live share, uniform draws, lower bound',
  );
  expect(describeMetric('sampler/math/share/a.jsonl')?.title).toBe('math: Share of selected draws, a.jsonl');
  expect(describeMetric('sampler/target')?.title).toBe('Sampler: target');
  expect(describeMetric('reward/mean')).toMatchObject({ title: 'Reward', trl: 'reward' });
  expect(describeMetric('other/thing')).toBeUndefined();
});

test('maps each name in TRL and in verl to only one metric', () => {
  const source = readFileSync('src/runs/metrics/metric-catalogue.ts', 'utf8');
  for (const peer of ['trl', 'verl']) {
    const names = [...source.matchAll(new RegExp(`    ${peer}: '([^']+)'`, 'g'))].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(8);
    expect(new Set(names).size).toBe(names.length);
  }
});
