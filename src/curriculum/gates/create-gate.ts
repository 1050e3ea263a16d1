import * as z from 'zod';
import type { Admission, Gate, GroupSummary } from './gate.ts';
import { createTruncation, truncationConfig } from './truncation.ts';
import { createZeroAdvantage, zeroAdvantageConfig } from './zero-advantage.ts';

/** Configuration of any gate. */
export const gateConfig = z.discriminatedUnion('type', [zeroAdvantageConfig, truncationConfig]);

/** A validated gate configuration. */
export type GateConfig = z.infer<typeof gateConfig>;

/** Creates the gate that a configuration describes. */
export function createGate(config: GateConfig): Gate {
  switch (config.type) {
    case 'zero-advantage':
      return createZeroAdvantage(config);
    case 'truncation':
      return createTruncation(config);
  }
}

/** Returns the rejection of the first gate that rejects the group, or an admission if none does. */
export function admitGroup(gates: readonly Gate[], group: GroupSummary): Admission {
  for (const gate of gates) {
    const admission = gate.admit(group);
    if (!admission.admitted) return admission;
  }
  return { admitted: true };
}
