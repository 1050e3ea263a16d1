import { askingWays, probeUnderFaults } from '../test/e2e/probe-faults.ts';

// Measures 4,000 attempts through a model server that breaks a fifth of its answers, for each API, with two SIGKILLs
// each: npm run bench:probes
const reports = [];
for (const [name, way] of Object.entries(askingWays)) {
  const report = await probeUnderFaults({ problems: 500, rollouts: 8, kills: 2, way });
  const { probes, requests, kills, seconds, lost, doubled, mistaken, askedAgainThoughStored, answeredTwice } =
    report;
  console.log(
    `${name}: ${probes} probes, ${requests} requests, ${kills} kills, ${seconds} s\n` +
      `  lost ${lost}, doubled ${doubled}, mistaken ${mistaken}, ` +
      `requested again although stored ${askedAgainThoughStored}, answered twice ${answeredTwice}`,
  );
  console.log('  faults encountered:', report.faults);
  reports.push({ way: name, ...report });
  if (lost + doubled + mistaken + askedAgainThoughStored > 0) process.exitCode = 1;
}
console.log(JSON.stringify(reports));
