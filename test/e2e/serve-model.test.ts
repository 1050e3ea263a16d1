import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gradus, jsonLines, makeWorkplace, startGradus, sums, tinyRecipe, writeRows } from './gradus.ts';

test('a served model is measured and evaluated through its address, and its token is written nowhere', async () => {
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
