import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const project = fileURLToPath(new URL('../../', import.meta.url));

test('the GRPO loop on one page runs and learns from its rollouts', { timeout: 60_000 }, async () => {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['-C', 'development', 'examples/grpo-loop.ts', '2'], {
    cwd: project,
  });
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    const [, reward, learned] = /mean reward (\S+), (\d+) rollouts learned from/.exec(line)!;
    expect(Number(reward)).toBeGreaterThan(0);
    expect(Number(learned)).toBeGreaterThan(0);
  }
});
