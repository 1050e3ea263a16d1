/**
 * `npm run bench:math`: accuracy, speed and worst-case times of the math verifier, compared with Math-Verify if
 * installed.
 *
 *   --cases DIR    labelled cases (default: $GRADUS_CASES, else ../shared/cases/math if it exists)
 *   --reports DIR  cases from bug reports, files math-*.json (default: ../shared/cases/reports-1)
 *   --data DIR     data sets with gold answers (default: $GRADUS_DATA, else ../shared/data if it exists)
 *   --property N   pairs of different values, none of which may be judged correct (default 20,000; published: 1,000,000);
 *                  add --only-property to run nothing else
 *   --beside DIR   another checkout with its packages installed: compares only the CPU time of both, alternately
 *   --fuzz N       generated inputs (default 100,000; published: 1,000,000)
 *   --python PATH  an interpreter with math-verify installed, for the comparison (default: python3)
 *   --json         print only the report, as one line of JSON; the tables go to stderr
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compareBeside } from './math/beside.ts';
import { type Case, loadAdversarial, loadCases, runCases, type Score } from './math/cases.ts';
import { loadGolds, runGolds, runMetamorphic } from './math/golds.ts';
import { runPeer } from './math/peer.ts';
import { judgeDifferent, judgeSame, type PropertyReport } from './math/properties.ts';
import { runDoubling, runFuzz, runHostile, runSpeed } from './math/stress.ts';

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string', default: process.env['GRADUS_CASES'] ?? '../shared/cases/math' },
    reports: { type: 'string', default: '../shared/cases/reports-1' },
    data: { type: 'string', default: process.env['GRADUS_DATA'] ?? '../shared/data' },
    property: { type: 'string', default: '20000' },
    'only-property': { type: 'boolean', default: false },
    beside: { type: 'string' },
    fuzz: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    shown: { type: 'string', default: '20' },
    python: { type: 'string', default: 'python3' },
    json: { type: 'boolean', default: false },
  },
});
if (options.json) console.log = console.error;
const report: Record<string, unknown> = {};
const seed = Number(options.seed);

if (options.beside === undefined) {
  report['differentValues'] = shown(
    'pairs of different values',
    await judgeDifferent(Number(options.property), seed),
  );
  report['sameValue'] = shown('values in two formats', await judgeSame(Number(options.property) / 10, seed));
  if (!options['only-property']) await measureAll();
} else report['beside'] = await compareBeside(options.beside, loadCases(options.cases));
process.stdout.write(`${JSON.stringify(report)}\n`);

async function measureAll(): Promise<void> {
  await compare('cases', loadCases(options.cases));
  await compare(
    'reports',
    loadCases(options.reports, (name) => /^math-.*\.json$/.test(name)),
  );
  await compare('adversarial', loadAdversarial());
  const sets = existsSync(options.data) ? loadGolds(options.data) : [];
  const golds = sets.flatMap((set) => set.golds);
  if (sets.length > 0) {
    console.log('\nGold answers:');
    report['golds'] = await runGolds(sets);
    console.log('\nRespelled golds that were not accepted, mutated golds that were not rejected:');
    report['metamorphic'] = await runMetamorphic(golds, Number(options.shown));
  } else console.log(`No data sets in ${options.data}: skipped.`);
  report['speed'] = await runSpeed();
  console.log('\nHostile inputs:');
  report['hostile'] = await runHostile();
  report['doubling'] = await runDoubling();
  report['fuzz'] = await runFuzz(
    Number(options.fuzz),
    seed,
    golds.filter((gold) => gold !== ''),
  );
  for (const [name, value] of Object.entries(report)) console.log(`${name}: ${JSON.stringify(value)}`);
}

function shown(what: string, { pairs, misjudged }: PropertyReport): Record<string, unknown> {
  console.log(`${pairs} ${what}: ${misjudged.length} misjudged`);
  for (const { gold, answer, reason } of misjudged.slice(0, Number(options.shown)))
    console.log(`  ${gold} | ${answer}: ${reason}`);
  return { pairs, misjudged: misjudged.length };
}

/** Scores of Gradus and Math-Verify on the same cases, side by side. */
async function compare(name: string, cases: readonly Case[]): Promise<void> {
  if (cases.length === 0) return console.log(`\nNo labelled cases for "${name}": skipped.`);
  const own = await runCases(cases);
  const peer = runPeer(options.python, cases);
  report[name] = { ...own, ...(peer && { mathVerify: peer }) };
  console.log(`\n${`${name} (${cases.length})`.padEnd(24)}    Gradus${peer ? '   Math-Verify' : ''}`);
  const rows: readonly (readonly [string, (score: Score) => string])[] = [
    ['accuracy', (score) => `${((100 * score.passed) / score.cases).toFixed(1)} %`],
    ['passed', (score) => String(score.passed)],
    ['false positives', (score) => String(score.falsePositives)],
    ['false negatives', (score) => String(score.falseNegatives)],
    ['median ms', (score) => score.medianMs.toFixed(3)],
    ['p99 ms', (score) => score.p99Ms.toFixed(3)],
    ['slowest ms', (score) => score.maxMs.toFixed(3)],
  ];
  for (const [label, write] of rows)
    console.log(`${label.padEnd(24)} ${write(own).padStart(9)} ${peer ? write(peer).padStart(13) : ''}`);
  if (!peer) console.log(`Math-Verify is not installed for ${options.python}: no comparison.`);
}
