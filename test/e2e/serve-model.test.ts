import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gradus, jsonLines, makeWorkplace, startGradus, sums, tinyRecipe, writeRows } from './gradus.ts';

test('measures and evaluates a served model through its address, and writes its token nowhere', async () => {
  const folder = makeWorkplace('served');
  const key = 'sk-never-to-be-written';
  process.env['GRADUS_TOKEN'] = key;
  const server = startGradus(folder, ['serve', 'model', 'model', '--port', '0', '--json']);
  try {
    let printed = '';
    server.child.stdout!.on('data', (text: string) => (printed += text));
    await server.said('}\n');
    const { url } = JSON.parse(printed.split('\n')[0]!) as { url: string };
    writeRows(join(folder, 'problems.jsonl'), sums);
    const engine = { type: 'openai', baseUrl: `${url}/v1`, apiKeyEnv: 'GRADUS_TOKEN' };
    writeFileSync(
      join(folder, 'recipe.json'),
      JSON.stringify(tinyRecipe({ policy: { model: 'model', engine } })),
    );
    const measured = await gradus(folder, 'difficulty', 'estimate', 'recipe.json', '--json');
    expect(measured.stderr).toBe('');
    expect(jsonLines(measured).at(-1)).toMatchObject({ model: `model@${new URL(url).host}` });
    // A budget stops the work and keeps results that were paid for; a larger budget continues from there.
    const settings = [
      'policy.engine.maxConcurrency=1',
      'policy.engine.prices={"prompt": 1, "completion": 2}',
      'difficulty.rollouts=8',
    ];
    const limited = (maxTokens: number) => {
      const changes = [...settings, `policy.engine.budget.maxTokens=${maxTokens}`].flatMap((one) => [
        '--set',
        one,
      ]);
      const command = ['difficulty', 'estimate', 'recipe.json', '--store', 'limited.sqlite', '--json'];
      return gradus(folder, ...command, ...changes);
    };
    const stopped = await limited(150);
    expect(stopped.code).toBe(4);
    expect(stopped.stderr).toContain('BUDGET_SPENT');
    const resumed = await limited(100_000);
    expect(resumed.stderr).toBe('');
    const [plan, { spending }] = [jsonLines(resumed)[0]!, jsonLines(resumed).at(-1)!] as unknown as [
      { readonly rollouts: number },
      { readonly spending: { readonly requests: number; readonly cost: number } },
    ];
    expect(plan.rollouts).toBeGreaterThan(0);
    expect(plan.rollouts).toBeLessThan(32);
    // Each attempt is requested once, and both commands probe for usage.
    expect(spending.requests).toBeLessThanOrEqual(32 + 2 * 3);
    expect(spending.cost).toBeGreaterThan(0);
    const evaluated = await gradus(folder, 'eval', 'model', '--recipe', 'recipe.json', '--json');
    expect(evaluated.code).toBe(0);
    const trained = await gradus(folder, 'train', 'recipe.json');
    expect(trained.stderr).toContain('only samples');
    for (const said of [measured, evaluated, trained]) expect(said.stdout + said.stderr).not.toContain(key);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    const holders = files.filter(({ parentPath, name }) =>
      readFileSync(join(parentPath, name)).includes(key),
    );
    expect(holders).toEqual([]);
    expect(files.map(({ name }) => name)).toContain('difficulty.sqlite');
  } finally {
    delete process.env['GRADUS_TOKEN'];
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
  }
}, 60_000);
