import { expect, test } from 'vitest';
import { probeUnderFaults } from './probe-faults.ts';

test('a measurement through a hostile server, killed twice, loses, doubles and re-asks nothing', async () => {
  const report = await probeUnderFaults(100, 4, 2);
  expect(report).toMatchObject({
    probes: 400,
    kills: 2,
    lost: 0,
    doubled: 0,
    mistaken: 0,
    askedAgainThoughStored: 0,
  });
  expect(Object.keys(report.faults).length).toBeGreaterThan(8);
}, 60_000);
