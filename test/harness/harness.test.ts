import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startGradus } from '../e2e/gradus.ts';

/**
 * Tests `gradus serve model` with the real lm-evaluation-harness and OpenAI's Python client. They are not installed with
 * the project; to run the tests, name an interpreter that has them:
 *
 *   python3 -m venv ~/harness && ~/harness/bin/pip install 'lm-eval[api]' openai
 *   GRADUS_HARNESS=~/harness/bin/python npx vitest run test/harness
 */
const python = process.env['GRADUS_HARNESS'];
const folder = mkdtempSync(join(tmpdir(), 'gradus-harness-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(program: string, args: readonly string[]): Promise<{ code: number | null; said: string }> {
  const offline = { HF_HUB_OFFLINE: '1', HF_DATASETS_OFFLINE: '1', HF_HOME: join(folder, 'hub') };
  const child = spawn(program, args, { env: { ...process.env, ...offline } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text));
  return new Promise((done) => child.on('close', (code) => done({ code, said })));
}

describe.skipIf(python === undefined)('a served model and third-party clients', () => {
  let server: Running;
  let url: string;
  beforeAll(async () => {
    const tasks = 'test/harness/tasks';
    const rows = resolve(tasks, 'sums.jsonl');
    for (const name of readdirSync(tasks).filter((file) => file.endsWith('.yaml')))
      writeFileSync(join(folder, name), readFileSync(join(tasks, name), 'utf8').replace('SUMS', rows));
    const args = ['serve', 'model', resolve('models/gradus-tiny'), '--port', '0', '--json'];
    server = startGradus(folder, args);
    let printed = '';
    server.child.stdout!.on('data', (text: string) => (printed += text));
    await server.said('}\n');
    ({ url } = JSON.parse(printed.split('\n')[0]!) as { url: string });
  }, 60_000);
  afterAll(async () => {
    server.child.kill('SIGTERM');
    await server.ended;
  });

  const evaluate = async (kind: string, path: string, task: string, ...more: string[]): Promise<number> => {
    const where = `model=gradus-tiny,base_url=${url}/v1/${path},num_concurrent=4`;
    const output = join(folder, `${task}.json`);
    const args = ['run', '--model', kind, '--model_args', where, '--tasks', task, '--include_path', folder];
    const program = join(dirname(python!), 'lm_eval');
    const { code, said } = await run(program, [...args, '--output_path', output, ...more]);
    expect(said).toContain(task);
    expect(code).toBe(0);
    const written = readdirSync(folder).find((file) => file.startsWith(task) && file.endsWith('.json'))!;
    const { results } = JSON.parse(readFileSync(join(folder, written), 'utf8')) as {
      readonly results: Readonly<Record<string, Readonly<Record<string, number>>>>;
    };
    return Object.entries(results[task]!).find(([name]) => /^(acc|exact_match),/.test(name))![1];
  };

  test('lm-eval scores given answers by their likelihood', async () => {
    expect(await evaluate('local-completions', 'completions', 'sums_choice')).toBe(0.75);
  }, 300_000);

  test('lm-eval generates answers and judges them', async () => {
    const chat = ['local-chat-completions', 'chat/completions', 'sums_written'] as const;
    expect(await evaluate(...chat, '--apply_chat_template')).toBe(1);
  }, 300_000);

  test('OpenAI’s client reads complete answers, streams, log-probabilities and errors', async () => {
    const { code, said } = await run(python!, [resolve('test/harness/openai-client.py'), `${url}/v1`]);
    expect(said).toBe('all good\n');
    expect(code).toBe(0);
  }, 60_000);
});
