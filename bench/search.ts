/**
 * Measures whether a tiny model learns to search, and what each part of R1-Searcher's method contributes:
 *
 *   npm run bench:search -- [--seeds 5] [--arms two stages,stage 2 alone,no mask] [--json]
 *
 * One-hop and two-hop questions ask for facts about made-up people; only the passages contain the facts. 450 people
 * are trained on, and 150 others are held out. `two stages`: R1-Searcher's two rewards, one after the other. `stage 2
 * alone`: the same number of steps, all with the second reward. `no mask`: as `stage 2 alone`, but the loss counts
 * inserted passages as if the policy had written them. Accuracies are sampled at temperature 1; intervals are 95 %
 * t-intervals over seeds, each with a different world. With `--json` the last line is JSON.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeWorld, passagesOf, questionsAbout } from '../scripts/search-model/world.ts';
import { tags } from '../src/environments/call-format.ts';
import { openAnswering } from '../src/environments/open-environments.ts';
import { environmentConfig } from '../src/environments/config.ts';
import { search } from '../src/environments/search.ts';
import { bm25 } from '../src/retrieval/open-retriever.ts';
import { tInterval } from '../src/statistics/intervals.ts';
import { composite } from '../src/verifiers/composite.ts';
import { openVerifier, verifierConfig } from '../src/verifiers/config.ts';
import { searchFormat } from '../src/verifiers/search-format.ts';
import { shortAnswer } from '../src/verifiers/answers/short-answer.ts';
import { toolUse } from '../src/verifiers/tool-use.ts';
import { type Accuracy, type Arm, type ArmResult, runArm } from './search/arm.ts';

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    arms: { type: 'string', default: 'two stages,stage 2 alone,no mask' },
    model: { type: 'string', default: 'models/gradus-search' },
    json: { type: 'boolean', default: false },
  },
});

const steps = { search: 10, answer: 20 };
const arms: readonly Arm[] = [
  { name: 'two stages', searchSteps: steps.search, answerSteps: steps.answer, isMasked: true },
  { name: 'stage 2 alone', searchSteps: 0, answerSteps: steps.search + steps.answer, isMasked: true },
  { name: 'no mask', searchSteps: 0, answerSteps: steps.search + steps.answer, isMasked: false },
].filter(({ name }) => flags.arms.split(',').includes(name));

/** Trains every arm in one world. */
async function runSeed(seed: number): Promise<Record<string, ArmResult>> {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-search-'));
  await using opened = new AsyncDisposableStack();
  opened.defer(() => rmSync(folder, { recursive: true }));
  const world = makeWorld(seed);
  const lines = passagesOf(world).map((passage) => `${JSON.stringify(passage)}\n`);
  writeFileSync(join(folder, 'facts.jsonl'), lines.join(''));
  const environment = search({
    retriever: bm25({ passages: 'facts.jsonl' }),
    format: tags({ call: ['<search>', '</search>'], result: ['<information>', '</information>'] }),
    top: 2,
    maxCalls: 4,
  });
  const environments = await openAnswering(
    { environments: { 'short-answer': environmentConfig.parse(environment) }, baseDir: folder },
    opened,
  );
  const judge = composite([
    { name: 'answer', verifier: shortAnswer({ metric: 'f1' }) },
    { name: 'format', verifier: searchFormat(), decides: false },
    { name: 'searched', verifier: toolUse(), decides: false },
  ]);
  const data = {
    seed,
    train: questionsAbout(world.slice(0, 450), world),
    heldOut: questionsAbout(world.slice(-150), world),
    environments,
    verifier: opened.use(openVerifier(verifierConfig.parse(judge))),
  };
  const results: Record<string, ArmResult> = {};
  for (const arm of arms) {
    const result = await runArm(flags.model, arm, data);
    results[arm.name] = result;
    console.log(
      `seed ${seed}, ${arm.name}: ${shown(result.start)} → ${shown(result.end)}; closed-book ${shown(result.closedBook)}; ${result.seconds.toFixed(0)} s`,
    );
  }
  return results;
}

const shown = ({ oneHop, twoHops, searches }: Accuracy): string =>
  `${oneHop.toFixed(0)} / ${twoHops.toFixed(0)} % with ${searches.toFixed(2)} searches`;

/** Formats one line of the table: the mean over seeds of each figure, with its interval. */
function row(name: string, of: readonly Accuracy[]): string {
  const cell = (pick: (one: Accuracy) => number, digits: number): string => {
    const values = of.map(pick);
    if (values.length === 1) return values[0]!.toFixed(digits);
    const { mean, low, high } = tInterval(values);
    return `${mean.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
  };
  const cells = [cell((one) => one.oneHop, 1), cell((one) => one.twoHops, 1), cell((one) => one.searches, 2)];
  return `| ${[name, ...cells].join(' | ')} |`;
}

const results: Record<string, ArmResult>[] = [];
for (let seed = 1; seed <= Number(flags.seeds); seed++) results.push(await runSeed(seed));

const of = (arm: string): ArmResult[] => results.map((result) => result[arm]!);
console.log(
  [
    '',
    '| held-out people, correct in % | 1 hop | 2 hops | searches per attempt |',
    '|---|---|---|---|',
    row(
      'start',
      of(arms[0]!.name).map(({ start }) => start),
    ),
    ...arms.map(({ name }) =>
      row(
        name,
        of(name).map(({ end }) => end),
      ),
    ),
    ...arms.map(({ name }) =>
      row(
        `${name}, without the tool`,
        of(name).map(({ closedBook }) => closedBook),
      ),
    ),
  ].join('\n'),
);
if (flags.json) console.log(JSON.stringify(results));
