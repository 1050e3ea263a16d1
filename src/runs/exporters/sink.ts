import type { RunEnd } from '../files/records.ts';

/** What a run is, for a tool that has to name and describe it. */
export interface ExportedRun {
  /** The run's lasting id: letters, digits, dashes. */
  readonly id: string;
  /** `demo-0001`. */
  readonly name: string;
  /** The recipe's name: runs of one recipe belong together. */
  readonly project: string;
  /** The resolved recipe. */
  readonly recipe: unknown;
  readonly startedAt: Date;
}

/** Numbers of one step, under the names that the tool will show. */
export interface ExportedStep {
  readonly step: number;
  readonly at: Date;
  readonly values: Readonly<Record<string, number>>;
}

/** Another tool's format, or its server. Steps come in order, once each. */
export interface RunSink {
  write(step: ExportedStep): Promise<void>;
  /** The run has ended, or nothing more is to be written of it for now (`null`). */
  close(end: RunEnd | null): Promise<void>;
}

/** A step as one line of W&B's history: its values, and the step and times under W&B's own names. */
export function historyLine({ step, at, values }: ExportedStep, startedAt: Date): Record<string, number> {
  const [now, start] = [at.getTime() / 1000, startedAt.getTime() / 1000];
  return { ...values, _step: step, _timestamp: now, _runtime: Math.max(0, now - start) };
}
