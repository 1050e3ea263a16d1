import type { Engine } from '../../src/engines/engine.ts';
import type { Problem } from '../../src/core/problem.ts';
import { generateProblems, generated, generatedConfig } from '../../src/problems/generated.ts';
import { openVerifier, verifierConfig } from '../../src/verifiers/config.ts';
import { boxedMath } from '../../src/verifiers/boxed-math.ts';
import { javascriptTests } from '../../src/verifiers/javascript-tests.ts';
import { taughtFamilies } from './lessons.ts';

/** Share of right answers of one family and knob. */
export interface CellRate {
  readonly family: string;
  readonly domain: string;
  readonly knob: number;
  readonly problems: number;
  /** Mean of 4 samples a problem at temperature 1. */
  readonly sampled: number;
  readonly greedy: number;
}

const samples = 4;
export const maxTokens = 32;

/** Pass rates of an engine's model on validation questions of the taught families, for every knob. */
export async function measurePassRates(engine: Engine, perCell: number): Promise<CellRate[]> {
  const config = generated({
    families: taughtFamilies.map(({ name }) => name),
    perCell,
    split: 'validation',
    seed: 1,
  });
  const problems = [...generateProblems(generatedConfig.parse(config))];
  const sampled = await judgeAll(engine, problems, samples, 1);
  const greedy = await judgeAll(engine, problems, 1, 0);
  const cells = Map.groupBy(problems, ({ family, knob }) => `${family}/${knob}`);
  return [...cells.values()].map((cell) => ({
    family: cell[0]!.family!,
    domain: cell[0]!.domain,
    knob: cell[0]!.knob!,
    problems: cell.length,
    sampled: mean(cell.map(({ id }) => sampled.get(id)!)) / samples,
    greedy: mean(cell.map(({ id }) => greedy.get(id)!)),
  }));
}

/** Right answers per problem. */
async function judgeAll(
  engine: Engine,
  problems: readonly Problem[],
  count: number,
  temperature: number,
): Promise<Map<string, number>> {
  await using math = openVerifier(verifierConfig.parse(boxedMath()));
  await using code = openVerifier(verifierConfig.parse(javascriptTests({ score: 'all' })));
  const byId = new Map(problems.map((problem) => [problem.id, problem]));
  const right = new Map(problems.map(({ id }) => [id, 0]));
  const prompts = problems.map(({ id, prompt }) => ({ key: id, prompt, count }));
  for await (const { key, text } of engine.sample({ prompts, maxTokens, temperature, seed: 1 })) {
    const problem = byId.get(key)!;
    const verdict = await (problem.domain === 'math' ? math : code).verify(problem, text);
    if (verdict.outcome === 'correct') right.set(key, right.get(key)! + 1);
  }
  return right;
}

/** A Markdown table, one row a family: sampled / greedy for each knob. */
export function passRateTable(rates: readonly CellRate[]): string {
  const percent = (share: number): string => String(Math.round(100 * share));
  const cellsOf = (cells: readonly CellRate[]): string =>
    cells.map(({ sampled, greedy }) => `${percent(sampled)} / ${percent(greedy)}`).join(' | ');
  const families = [...Map.groupBy(rates, ({ family }) => family)];
  const domains = [...Map.groupBy(rates, ({ domain }) => domain)];
  const means = domains.map(([domain, cells]) => {
    const [sampled, greedy] = [
      mean(cells.map((cell) => cell.sampled)),
      mean(cells.map((cell) => cell.greedy)),
    ];
    return `${domain}: ${percent(sampled)} sampled, ${percent(greedy)} greedy`;
  });
  return [
    '| family | knob 1 | 2 | 3 | 4 | 5 | 6 |',
    '|---|---|---|---|---|---|---|',
    ...families.map(([family, cells]) => `| ${family} | ${cellsOf(cells)} |`),
    '',
    `Mean over families and knobs, in percent: ${means.join('; ')}.`,
  ].join('\n');
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
