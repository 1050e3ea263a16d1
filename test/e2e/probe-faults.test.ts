import { expect, test } from 'vitest';
import { askingWays, probeUnderFaults } from './probe-faults.ts';

test.each(Object.entries(askingWays))(
  'a measurement through a hostile server (%s), killed, loses, doubles and re-asks nothing',
  async (way, engine) => {
    const report = await probeUnderFaults({ problems: 40, rollouts: 8, kills: 1, engine });
    expect(report).toMatchObject({
      probes: 320,
      kills: 1,
      lost: 0,
      doubled: 0,
      mistaken: 0,
      askedAgainThoughStored: 0,
    });
    expect(Object.keys(report.faults).length).toBeGreaterThan(8);
    // Several attempts a request, where it is said so.
    expect(report.requests < 320).toBe(way.includes('n = 4'));
  },
  60_000,
);
