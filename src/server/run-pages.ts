import { isAbsolute, join, relative, sep } from 'node:path';
import * as z from 'zod';
import { RunError } from '../core/errors.ts';
import { listRuns } from '../runs/list-runs.ts';
import { openRunReader, type RunReader } from '../runs/run-reader.ts';
import type { GroupRow, RunSummary } from '../runs/run-views.ts';

/** Most points of a metric that a page is given. */
const mostPoints = 1000;
/** Spans of steps that pass rates by level are summed over. */
const spans = 40;

/** What the pages show, read from the runs in `root` afresh each time: nothing is kept, nothing is written. */
export function createRunPages(root: string) {
  const open = async (folder: string): Promise<RunReader> => {
    const inside = relative(root, join(root, folder));
    if (inside === '' || isAbsolute(inside) || inside.includes(sep) || inside.startsWith('.'))
      throw new RunError(`expected the name of a run in ${root}, got ${JSON.stringify(folder)}`, {
        code: 'RUN_NOT_FOUND',
      });
    return openRunReader(join(root, inside));
  };
  const using = async <T>(folder: string, view: (run: RunReader) => T | Promise<T>): Promise<T> => {
    using run = await open(folder);
    return await view(run);
  };
  return {
    /** All runs that can be read, by folder name. */
    runs: async () =>
      (await listRuns(root)).flatMap((run) => ('summary' in run ? [headOf(run.summary)] : [])),
    run: (folder: string) => using(folder, detailOf),
    /** A metric over steps, thinned to about 1,000 points. */
    metric: (folder: string, name: string) => using(folder, (run) => thin(run.metric(name))),
    groups: (folder: string) => using(folder, (run) => run.groups().map(shownGroup)),
    levels: (folder: string) => using(folder, (run) => levelCells(run.groups({ purpose: 'train' }))),
    /** The rollouts of a group, by its number. */
    attempts: (folder: string, group: number) => using(folder, (run) => attemptsOf(run, group)),
  };
}

/** See `createRunPages`. */
export type RunPages = ReturnType<typeof createRunPages>;

function headOf(run: RunSummary) {
  const { folder, name, status, reason, seed, recipeHash, step, stage, createdAt, updatedAt } = run;
  return { folder, name, status, reason, seed, recipeHash, step, stage, createdAt, updatedAt };
}

/** The part of an evaluation's record that is shown; others are passed over. */
const evaluationShown = z.object({
  overall: z.object({
    problems: z.number(),
    accuracy: z.object({ mean: z.number(), low: z.number(), high: z.number() }),
  }),
});

function detailOf(run: RunReader) {
  return {
    head: headOf(run.summary()),
    stages: run.stages(),
    events: run.events(),
    evaluations: run.evaluations().flatMap(({ step, name, result }) => {
      const shown = evaluationShown.safeParse(result);
      return shown.success ? [{ step, name, ...shown.data.overall }] : [];
    }),
    metricNames: run.metricNames().map(({ name }) => name),
  };
}

/** Of each stretch of steps the least and the greatest value, in order: no peak is lost. */
export function thin(series: { readonly steps: Float64Array; readonly values: Float64Array }) {
  const { steps, values } = series;
  if (steps.length <= mostPoints) return { steps: [...steps], values: [...values] };
  const stretches = mostPoints / 2;
  const kept = new Set<number>();
  for (let stretch = 0; stretch < stretches; stretch++) {
    const [start, end] = [stretch, stretch + 1].map((n) => Math.floor((n * steps.length) / stretches));
    let [least, greatest] = [start!, start!];
    for (let at = start!; at < end!; at++) {
      if (values[at]! < values[least]!) least = at;
      if (values[at]! > values[greatest]!) greatest = at;
    }
    kept.add(Math.min(least, greatest)).add(Math.max(least, greatest));
  }
  const order = [...kept];
  return { steps: order.map((at) => steps[at]!), values: order.map((at) => values[at]!) };
}

function shownGroup({
  file: _file,
  firstRow: _row,
  policyVersion: _version,
  meanScore: _score,
  ...shown
}: GroupRow) {
  return shown;
}

/** Correct and judged rollouts of training by level (where there are none: family, or domain) and span of steps. */
export function levelCells(groups: readonly GroupRow[]) {
  const last = groups.reduce((most, { step }) => Math.max(most, step), 0);
  const width = Math.max(1, Math.ceil((last + 1) / spans));
  const cells = new Map<
    string,
    { level: string; fromStep: number; toStep: number; correct: number; trials: number }
  >();
  for (const { step, level, family, domain, correct, trials } of groups) {
    const fromStep = Math.floor(step / width) * width;
    const name = level ?? family ?? domain;
    const key = JSON.stringify([name, fromStep]);
    const cell = cells.get(key) ?? {
      level: name,
      fromStep,
      toStep: fromStep + width - 1,
      correct: 0,
      trials: 0,
    };
    cells.set(key, { ...cell, correct: cell.correct + correct, trials: cell.trials + trials });
  }
  return [...cells.values()];
}

async function attemptsOf(run: RunReader, number: number) {
  const group = run.group(number);
  if (group === undefined)
    throw new RunError(`expected a group of ${run.directory}, found none numbered ${number}`, {
      code: 'RUN_NOT_FOUND',
    });
  const rows = await run.rollouts([group]);
  return rows.map((row) => ({
    index: row.rollout_index,
    prompt: row.prompt,
    text: row.text,
    answer: row.answer,
    outcome: row.outcome,
    score: row.score,
    reward: row.reward,
    advantage: row.advantage,
    reason: row.reason,
    verifier: row.verifier,
    finishReason: row.finish_reason,
    evidence: row.evidence === null ? {} : (JSON.parse(row.evidence) as Record<string, unknown>),
    tokens: row.tokens,
    logprobs: row.rollout_logprobs,
  }));
}
