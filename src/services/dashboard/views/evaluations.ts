import * as z from 'zod';
import type { RunReader } from '../../../runs/reading/run-reader.ts';

/** A share in [0, 1] with its 95 % interval. */
export interface Share {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Results of a suite, or of one part of it. */
export interface SuitePart {
  readonly problems: number;
  readonly accuracy: Share;
}

/** One evaluation of a suite. */
export interface EvaluationPoint extends SuitePart {
  readonly step: number;
  readonly name: string;
  readonly byDomain: Readonly<Record<string, SuitePart>>;
  readonly byFamily: Readonly<Record<string, SuitePart>>;
  readonly byLevel: Readonly<Record<string, SuitePart>>;
  /** Whether the evaluation compares strategies; `/strategies` shows the comparison. */
  readonly hasStrategies: boolean;
}

/** A `Share` in an evaluation's record. */
export const shareSchema = z.object({ mean: z.number(), low: z.number(), high: z.number() });
const part = z.object({ problems: z.number(), accuracy: shareSchema });
const parts = z.record(z.string(), part).nullish();
const result = z.object({ overall: part, byDomain: parts, byFamily: parts, byLevel: parts });

/** Returns the evaluations of a run in the order in which they were recorded; skips records in an unknown format. */
export function evaluationPoints(run: RunReader): EvaluationPoint[] {
  // Do not read the list of problems, which makes up most of a result.
  const rows = run.lists(
    `SELECT step, name, json_object(
       'overall', json_extract(result, '$.overall'), 'byDomain', json_extract(result, '$.byDomain'),
       'byFamily', json_extract(result, '$.byFamily'), 'byLevel', json_extract(result, '$.byLevel')
     ), json_type(result, '$.strategies.trees') IS 'array' FROM evaluations ORDER BY id`,
  ) as [number, string, string, number][];
  return rows.flatMap(([step, name, text, hasStrategies]) => {
    const shown = result.safeParse(JSON.parse(text));
    if (!shown.success) return [];
    const { overall, byDomain, byFamily, byLevel } = shown.data;
    return [
      {
        step,
        name,
        ...overall,
        byDomain: byDomain ?? {},
        byFamily: byFamily ?? {},
        byLevel: byLevel ?? {},
        hasStrategies: hasStrategies === 1,
      },
    ];
  });
}
