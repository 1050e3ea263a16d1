import type { RunEnd } from '../files/records.ts';

/** The run as the target tool sees it: its id, name and recipe. */
export interface ExportedRun {
  /** Permanent run id: letters, digits, dashes. */
  readonly id: string;
  /** Name of the run's folder, such as `demo-0001`. */
  readonly name: string;
  /** Name of the recipe, by which runs are grouped. */
  readonly project: string;
  /** The resolved recipe. */
  readonly recipe: unknown;
  readonly startedAt: Date;
}

/** Values of one step under their exported names. */
export interface ExportedStep {
  readonly step: number;
  readonly at: Date;
  readonly values: Readonly<Record<string, number>>;
}

/** Writer for an external tool's format, or client of its server. Receives each step once, in order. */
export interface RunSink {
  write(step: ExportedStep): Promise<void>;
  /** Finishes the export. `end`: how the run ended, or `null` if it is still running. */
  close(end: RunEnd | null): Promise<void>;
}

/** Returns a step as one line of W&B's history: its values, and step and times under W&B's names. */
export function historyLine({ step, at, values }: ExportedStep, startedAt: Date): Record<string, number> {
  const [now, start] = [at.getTime() / 1000, startedAt.getTime() / 1000];
  return { ...values, _step: step, _timestamp: now, _runtime: Math.max(0, now - start) };
}
