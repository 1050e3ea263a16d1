import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { VerdictAudit } from '../../src/auditing/audit-verdicts.ts';
import { gradus, jsonLines, makeWorkplace, startGradus, sums, tinyRecipe, writeRows } from './gradus.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;
const folder = makeWorkplace('python-verifier');
afterAll(() => rmSync(folder, { recursive: true }));

/** Makes a training row in verl's format. */
const verlRow = (row: (typeof sums)[number], index: number): object => ({
  data_source: 'sums',
  prompt: [{ role: 'user', content: row.prompt }],
  ability: 'MATH',
  reward_model: { style: 'rule', ground_truth: row.answer },
  extra_info: { index, split: 'train' },
});

const reward = `import os, time
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    if data_source == "sums":
        assert int(ground_truth) == extra_info["index"] + 2 and extra_info["split"] == "train", extra_info
    if solution_str == "hang":
        time.sleep(600)
    return {"score": len(solution_str) % 3 - 1.0, "acc": solution_str == ground_truth, "pid": os.getpid()}
`;
const verifiers = { math: { type: 'python-function', file: 'reward.py', scores: [-1, 1] } };

describe.skipIf(!hasPython)('a run judged by a Python file (skipped without python3)', () => {
  vi.setConfig({ testTimeout: 120_000 });
  beforeAll(() => {
    writeFileSync(join(folder, 'reward.py'), reward);
    writeFileSync(
      join(folder, 'recipe.json'),
      JSON.stringify(
        tinyRecipe({
          verifiers,
          rewards: { math: { type: 'score' } },
          problems: [{ type: 'file', path: 'verl.jsonl' }],
        }),
      ),
    );
    writeRows(join(folder, 'problems.jsonl'), sums);
    writeRows(join(folder, 'verl.jsonl'), sums.map(verlRow));
  });

  test("trains on rows in verl's format and gets the same verdicts in an audit", async () => {
    const trained = await gradus(folder, 'train', 'recipe.json', '--json');
    expect(trained).toMatchObject({ code: 0 });
    const audited = await gradus(folder, 'verify', 'audit', 'runs/tiny-0001', '--json');
    const [audit] = jsonLines(audited) as unknown as VerdictAudit[];
    expect(audit!.judged).toBe(audit!.rollouts);
    expect(audit!.judged).toBeGreaterThan(0);
    expect(audit).toMatchObject({ flips: {}, ungradable: {} });
  });

  test('reports a mistake in the file as one message before the run begins', async () => {
    writeFileSync(join(folder, 'broken.py'), 'import os\nimport no_such_package_anywhere\n');
    const broken = { math: { type: 'python-function', file: 'broken.py' } };
    writeFileSync(join(folder, 'broken.json'), JSON.stringify(tinyRecipe({ verifiers: broken })));
    const refused = await gradus(folder, 'train', 'broken.json', '--runs', 'never');
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toMatch(/broken\.py:2 in <module>: .*No module named 'no_such_package_anywhere'/);
    expect(refused.stderr).toMatch(/try: pythonVerifier\(\{ file, python: '[^\n]*\n$/);
  });

  test('warns during training about scores outside the range in the recipe', async () => {
    writeFileSync(join(folder, 'worst.py'), 'def compute_score(solution_str): return -1\n');
    const worst = { math: { type: 'python-function', file: 'worst.py' } };
    writeFileSync(
      join(folder, 'worst.json'),
      JSON.stringify(tinyRecipe({ verifiers: worst, evaluation: [] })),
    );
    const trained = await gradus(folder, 'train', 'worst.json', '--runs', 'worst');
    expect(trained.code).toBe(0);
    expect(trained.stdout + trained.stderr).toMatch(
      /step 1: 4 of 4 rollouts could not be judged.* got -1; set the worst and best score, e\.g\. scores: \[-1, 1\]/,
    );
  });

  test('serves the verifiers of a TOML recipe, and leaves no processes behind when killed during a verdict', async () => {
    writeFileSync(
      join(folder, 'serve.toml'),
      `name = "serve"
policy = { model = "model", engine = "embedded" }
problems = [{ type = "jsonl", path = "problems.jsonl" }]
algorithm = { type = "grpo" }
optimizer = { learningRate = 0.001 }
sampling = { maxTokens = 6 }
stages = [{ type = "stage", name = "all", maxSteps = 1 }]
verifiers.math = { type = "python-function", file = "reward.py", scores = [-1.0, 1.0], workers = 2, maxTime = "3s" }
`,
    );
    const args = ['serve', 'verifier', '--recipe', 'serve.toml', '--port', '0', '--json'];
    const service = startGradus(folder, args);
    let printed = '';
    service.child.stdout!.on('data', (text: string) => (printed += text));
    await service.said('}\n');
    const { url } = JSON.parse(printed) as { url: string };
    const ask = async (completion: string): Promise<number> => {
      const body = JSON.stringify({ gold: '5', completion });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/verify`, { method: 'POST', headers, body });
      return ((await answer.json()) as { evidence: { pid: number } }).evidence.pid;
    };
    const pids = new Set(await Promise.all(['5', '6', '7'].map(ask)));
    expect(pids.size).toBe(2);
    const processes = (): string[] => {
      const { stdout } = spawnSync('ps', ['-o', 'args=', '-p', [...pids].join(',')], { encoding: 'utf8' });
      return stdout.split('\n').filter((line) => line.includes('harness.py'));
    };
    expect(processes()).toHaveLength(2);
    const hanging = ask('hang').catch(() => 'cut off');
    await new Promise((later) => setTimeout(later, 300));
    service.child.kill('SIGKILL');
    expect(await hanging).toBe('cut off');
    await vi.waitFor(() => expect(processes()).toEqual([]), { timeout: 10_000, interval: 100 });
  });
});
