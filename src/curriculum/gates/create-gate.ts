import * as z from 'zod';
import type { Admission, Gate, GroupSummary } from './gate.ts';
import { createTruncation, truncationConfig } from './truncation.ts';
import { createZeroAdvantage, zeroAdvantageConfig } from './zero-advantage.ts';

/** Every way of deciding whether a group may train. */
export const gateConfig = z.discriminatedUnion('type', [zeroAdvantageConfig, truncationConfig]);

/** A validated gate configuration. */
export type GateConfig = z.infer<typeof gateConfig>;

/** The gate that a configuration describes. */
export function createGate(config: GateConfig): Gate {
  switch (config.type) {
    case 'zero-advantage':
      return createZeroAdvantage(config);
    case 'truncation':
      return createTruncation(config);
  }
}

/** Admitted by every gate, or the first refusal. No gates admit all. */
export function admitGroup(gates: readonly Gate[], group: GroupSummary): Admission {
  for (const gate of gates) {
    const admission = gate.admit(group);
    if (!admission.admitted) return admission;
  }
  return { admitted: true };
}
