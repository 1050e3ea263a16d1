import { askingWays, probeUnderFaults } from '../test/e2e/probe-faults.ts';

// 20,000 probes of a model server that breaks a fifth of its answers, 4,000 in each way of asking, with two SIGKILLs
// each: npm run bench:probes
const reports = [];
for (const [way, engine] of Object.entries(askingWays)) {
  const report = await probeUnderFaults({ problems: 500, rollouts: 8, kills: 2, engine });
  const { probes, requests, kills, seconds, lost, doubled, mistaken, askedAgainThoughStored, answeredTwice } =
    report;
  console.log(
    `${way}: ${probes} probes, ${requests} requests, ${kills} kills, ${seconds} s\n` +
      `  lost ${lost}, doubled ${doubled}, mistaken ${mistaken}, ` +
      `asked again though stored ${askedAgainThoughStored}, answered twice ${answeredTwice}`,
  );
  console.log('  faults met:', report.faults);
  reports.push({ way, ...report });
  if (lost + doubled + mistaken + askedAgainThoughStored > 0) process.exitCode = 1;
}
console.log(JSON.stringify(reports));
