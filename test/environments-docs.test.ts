import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { customEnvironmentConfig, openCustomEnvironment } from '../src/environments/custom.ts';
import type { Environment } from '../src/environments/environment.ts';
import type { Json } from '../src/environments/tool.ts';
import { mathProblem } from '../src/testing/index.ts';
import { makeFastFolder } from './runs/fast-folder.ts';

/*
 * Tests the modules of docs/environments.md exactly as written there.
 */

const root = makeFastFolder('environments');
afterAll(() => rmSync(root, { recursive: true, force: true }));

const modules = [
  ...readFileSync('docs/environments.md', 'utf8').matchAll(/```ts\n(import type[^]*?)```/g),
].map(([, source]) => source!);

function open(source: string, options: object = {}): Environment {
  const file = join(root, `module-${modules.indexOf(source)}.ts`);
  writeFileSync(file, source);
  return openCustomEnvironment(
    customEnvironmentConfig.parse({ type: 'custom', module: file, ...options }),
    root,
  );
}

async function play(environment: Environment, texts: readonly string[], hasEnded: boolean) {
  let { state }: { state: Json } = await environment.start(mathProblem(), 41);
  const { signal } = new AbortController();
  const answers = [];
  for (const text of texts) {
    const context = {
      call: (...[tool, args]: Parameters<typeof call>) => call(tool, args),
      cut: (all: string) => all,
      signal,
    };
    const answered = await environment.reply(state, { text, hasEnded }, context);
    state = answered.state;
    answers.push(answered);
  }
  return answers;
}

const call = (
  tool: Parameters<Parameters<Environment['reply']>[2]['call']>[0],
  args: Readonly<Record<string, Json>>,
) => tool.call(args, new AbortController().signal);

test('a custom tool takes about 20 lines and answers calls', async () => {
  const [source] = modules;
  expect(source!.trim().split('\n').length).toBeLessThanOrEqual(22);
  const server = createServer((request, response) => response.end(`sunny in ${request.url!.slice(1)}`));
  const port = await new Promise<number>((done) =>
    server.listen(0, '127.0.0.1', () => done((server.address() as { port: number }).port)),
  );
  const environment = open(source!.replace('localhost:8000', `127.0.0.1:${port}`));
  const [first] = await play(
    environment,
    ['<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call>'],
    true,
  );
  server.close();
  expect(first!.reply).toEqual({ type: 'messages', messages: [{ role: 'tool', content: 'sunny in Oslo' }] });
  expect(environment.version).toMatch(/^1-[0-9a-f]{16}-/);
});

test('a custom environment takes fewer than 40 lines and runs to its end', async () => {
  const source = modules[1]!;
  expect(source.trim().split('\n').length).toBeLessThanOrEqual(40);
  const answers = await play(open(source), ['5', 'hm', '16', '10'], true);
  expect(
    answers.map(({ reply }) => (reply.type === 'messages' ? reply.messages[0]!.content : reply.type)),
  ).toEqual(['Higher.', 'Write a number.', 'Lower.', 'end']);
  expect(answers.at(-1)!.reward).toBe(1);
});

test('rejects a module that is not an environment, and lists what it may be', () => {
  const file = join(root, 'wrong.mjs');
  writeFileSync(file, 'export default 5;');
  const config = customEnvironmentConfig.parse({ type: 'custom', module: file });
  expect(() => openCustomEnvironment(config, root)).toThrow('expected the default export to be a tool');
});
