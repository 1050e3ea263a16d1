import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { generated, generatedConfig, generateProblems } from '../../problems/generated-source.ts';
import { raceConfig } from '../../supervised/race/race-config.ts';
import { formatRace } from './format-race.ts';
import { type RaceOptions, runRace } from './run-race.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-race-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

function write(name: string, family: 'fractions' | 'addition', count: number): string {
  const config = generatedConfig.parse(generated({ families: [family], knobs: [1], count, split: 'train' }));
  const rows = [...generateProblems(config)].map(({ prompt, answer, solution }) => ({
    prompt: prompt[0]!.content,
    answer,
    completion: solution,
  }));
  writeFileSync(path(name), rows.map((row) => JSON.stringify(row)).join('\n'));
  return path(name);
}

test('races runs, continues after an interruption, and reports cost and choice', async () => {
  const options: RaceOptions = {
    model: fileURLToPath(new URL('../../../models/gradus-tiny', import.meta.url)),
    examples: write('examples.jsonl', 'fractions', 60),
    target: [write('target.jsonl', 'fractions', 4)],
    retain: [write('retain.jsonl', 'addition', 4)],
    maxTokens: 16,
    heldOut: 0.2,
    epochs: 2,
    seed: 0,
    exportType: 'f32',
    engine: {},
    optimizer: { beta2: 0.98 },
    folder: path('race'),
    race: raceConfig.parse({
      sweep: { batchSize: [16], learningRate: [1e-6, 1e-3], schedule: ['cosine'] },
      rungs: [0.5],
      keep: 0.5,
      audit: 0,
    }),
  };
  const stop = new AbortController();
  const started: string[] = [];
  const report = (event: { type: string; run?: string; step?: number }): void => {
    if (event.type === 'run-start') started.push(`${event.run!.split('/').at(-1)} ${event.step}`);
    if (event.type === 'step' && started.length === 2) stop.abort();
  };
  await expect(runRace({ ...options, examples: path('none.jsonl') })).rejects.toThrow('none.jsonl');
  await expect(runRace(options, { report, signal: stop.signal })).rejects.toMatchObject({
    code: 'INTERRUPTED',
  });
  const result = await runRace(options, { report });
  expect(started).toEqual([
    'b16-lr0.000001-cosine-0001 0',
    'b16-lr0.001-cosine-0001 0',
    'b16-lr0.001-cosine-0001 1',
    'b16-lr0.001-cosine-0001 3',
  ]);
  const [slow, fast] = result.trials;
  expect(slow).toMatchObject({ stoppedAt: 0.5, isAudit: false });
  expect(slow).not.toHaveProperty('measures');
  expect(fast).toMatchObject({ stoppedAt: null, measures: { target: expect.any(Number) as number } });
  expect(fast!.signals.heldOutLoss).toBeLessThan(slow!.signals.heldOutLoss!);
  expect(result).toMatchObject({ chosen: 'b16-lr0.001-cosine', audit: { stopped: 1, audited: 0 } });
  expect(result.tokens / result.gridTokens).toBeCloseTo(0.75, 1);
  expect(formatRace(result)).toContain('chosen by target: b16-lr0.001-cosine');
  expect(JSON.parse(readFileSync(path('race/report.json'), 'utf8'))).toEqual(result);
  started.length = 0;
  expect(await runRace(options, { report })).toEqual(result);
  expect(started).toEqual([]);
  await expect(runRace({ ...options, epochs: 3 })).rejects.toThrow('a race with the same settings');
  await expect(runRace({ ...options, retain: [] })).rejects.toThrow('expected --retain');
});
