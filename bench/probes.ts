import { probeUnderFaults } from '../test/e2e/probe-faults.ts';

// 20,000 probes of a model server that breaks a fifth of its answers, with four SIGKILLs: npm run bench:probes
const report = await probeUnderFaults(2500, 8, 4);
console.log('faults met:', report.faults);
console.log(
  `${report.probes} probes, ${report.requests} requests, ${report.kills} kills, ${report.seconds} s\n` +
    `lost ${report.lost}, doubled ${report.doubled}, mistaken ${report.mistaken}, ` +
    `asked again though stored ${report.askedAgainThoughStored}, answered twice ${report.answeredTwice}`,
);
console.log(JSON.stringify(report));
if (report.lost + report.doubled + report.mistaken + report.askedAgainThoughStored > 0) process.exitCode = 1;
