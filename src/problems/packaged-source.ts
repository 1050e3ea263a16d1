import { Bridge } from '../bridge/bridge.ts';
import type { BridgeTask } from '../bridge/messages.ts';
import { adapterOptions, type PackagedConfig, packagedName } from '../bridge/packaged-environments.ts';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { SourceRecord } from '../core/source-record.ts';
import { fingerprint } from './generated-source.ts';
import { withInstruction } from './instruction.ts';

/** Number of tasks per request. */
const batch = 50;

/**
 * Lists the tasks of a packaged environment as problems, in the package's order.
 *
 * @param baseDir the recipe's folder.
 * @throws ConfigError if the package cannot be used; DataError if the environment fails or has too few tasks.
 */
export async function loadPackaged(
  config: PackagedConfig,
  baseDir: string,
  signal?: AbortSignal,
): Promise<{ readonly problems: readonly Problem[]; readonly record: SourceRecord }> {
  const name = packagedName(config);
  await using bridge = new Bridge({
    ...config,
    package: config.type,
    options: adapterOptions(config),
    baseDir,
    errorOf: (why) => new DataError(`${name}: ${why}`),
  });
  const { version } = await bridge.open();
  const problems: Problem[] = [];
  while (problems.length < config.count) {
    const from = config.from + problems.length;
    const count = Math.min(batch, config.count - problems.length);
    const { tasks } = await bridge.tasks({ from, count }, signal);
    if (tasks.length === 0)
      throw new DataError(
        `${name}: expected ${config.count} tasks from ${config.from} on, found ${problems.length}`,
        {
          tryNext: 'ask for fewer with "count"',
        },
      );
    for (const [i, task] of tasks.entries()) problems.push(problemOf(task, from + i, config));
  }
  return { problems, record: { source: `${name}@${version}`, problems: problems.length, files: [] } };
}

function problemOf(task: BridgeTask, index: number, config: PackagedConfig): Problem {
  const own = config.type === 'verifiers' ? config.id : new URL(config.url).host;
  return {
    // The hash distinguishes tasks from different versions or servers.
    id: `${config.type}/${own}/${index}/${fingerprint(JSON.stringify([task.task, task.prompt]))}`,
    domain: config.domain,
    family: own,
    prompt: withInstruction(task.prompt, config),
    ...(task.answer !== null && { answer: task.answer }),
    source: packagedName(config),
    extra: { task: task.task },
  };
}
