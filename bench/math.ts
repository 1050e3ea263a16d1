/**
 * `npm run bench:math`: how accurate, fast and hard to hang the math verifier is. The last line is JSON.
 *
 *   --cases DIR    labelled cases (default: $GRADUS_CASES, else ../shared/cases/math where that exists)
 *   --data DIR     data sets with gold answers (default: $GRADUS_DATA, else ../shared/data where that exists)
 *   --fuzz N       generated inputs (default 100,000; the published figure is with 1,000,000)
 *   --python PATH  an interpreter with math-verify installed, to run the peer beside (default: python3)
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadCases, runCases } from './math/cases.ts';
import { loadGolds, runGolds, runMetamorphic } from './math/golds.ts';
import { runPeer } from './math/peer.ts';
import { runDoubling, runFuzz, runHostile, runSpeed } from './math/stress.ts';

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string', default: process.env['GRADUS_CASES'] ?? '../shared/cases/math' },
    data: { type: 'string', default: process.env['GRADUS_DATA'] ?? '../shared/data' },
    fuzz: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    shown: { type: 'string', default: '20' },
    python: { type: 'string', default: 'python3' },
  },
});

const cases = existsSync(options.cases) ? loadCases(options.cases) : [];
const sets = existsSync(options.data) ? loadGolds(options.data) : [];
const golds = sets.flatMap((set) => set.golds);
const report: Record<string, unknown> = {};

if (cases.length > 0) {
  report['cases'] = await runCases(cases);
  const peer = runPeer(options.python, cases);
  if (peer) report['mathVerify'] = peer;
  else console.log(`\nMath-Verify is not installed for ${options.python}: no comparison.`);
} else console.log(`No cases in ${options.cases}: skipped.`);
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
  Number(options.seed),
  golds.filter((gold) => gold !== ''),
);
printTable();
console.log(JSON.stringify(report));

function printTable(): void {
  const [own, peer] = [report['cases'], report['mathVerify']] as (Record<string, number> | undefined)[];
  if (!own || !peer) return;
  console.log('\n                 Gradus    Math-Verify');
  for (const key of ['passed', 'medianMs', 'p99Ms', 'maxMs']) {
    console.log(
      `${key.padEnd(15)} ${own[key]!.toFixed(3).padStart(9)} ${peer[key]!.toFixed(3).padStart(12)}`,
    );
  }
  console.log(`median speed ratio: ${(peer['medianMs']! / own['medianMs']!).toFixed(0)}×`);
}
