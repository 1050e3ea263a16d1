import { expect, test } from 'vitest';
import { askingWays, probeUnderFaults } from './probe-faults.ts';

test.each(Object.entries(askingWays))(
  'measures through a hostile server (%s) and a kill without losing, doubling or repeating an attempt',
  async (name, way) => {
    const report = await probeUnderFaults({ problems: 40, rollouts: 8, kills: 1, way });
    expect(report).toMatchObject({
      probes: 320,
      kills: 1,
      lost: 0,
      doubled: 0,
      mistaken: 0,
      askedAgainThoughStored: 0,
    });
    expect(Object.keys(report.faults).length).toBeGreaterThan(8);
    // With n = 4, several attempts per request.
    expect(report.requests < 320).toBe(name.includes('n = 4'));
    expect(report.spent.completionTokens).toBeLessThanOrEqual(report.stated.completionTokens);
  },
  60_000,
);

test.each(Object.entries(askingWays))(
  'counts every token that a hostile server states, including discarded and interrupted answers (%s)',
  async (_, way) => {
    const report = await probeUnderFaults({ problems: 20, rollouts: 8, kills: 0, way, timeoutSeconds: 3 });
    expect(report).toMatchObject({ probes: 160, lost: 0, doubled: 0, mistaken: 0 });
    expect(report.spent).toEqual(report.stated);
    // At least two tokens per attempt.
    expect(report.spent.completionTokens).toBeGreaterThanOrEqual(2 * report.probes);
  },
  60_000,
);
