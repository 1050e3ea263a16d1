import { formatSeconds } from '../../core/text/duration.ts';
import { printable } from '../../core/text/printable.ts';
import type { Outcome } from '../../core/verdict.ts';
import { type Figure, figuresOf } from './figures.ts';
import type { ScreenState } from './screen-state.ts';
import { sparkline } from './sparkline.ts';

/** Size of the terminal in characters, and a function that styles text. */
export interface Canvas {
  readonly columns: number;
  readonly rows: number;
  readonly paint: (style: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string) => string;
}

const labelWidth = 15;
const valueWidth = 9;
const noteWidth = 30;
const mostAlerts = 3;
/** Window of the mean step time, in steps. */
const recentSteps = 20;

/**
 * Draws a run as lines of a terminal, most important first: at most `rows − 1` lines of at most `columns` characters.
 * Needs at least 40 columns. Control characters from models, files and recipes are made visible.
 */
export function drawScreen(state: ScreenState, canvas: Canvas): string[] {
  const sections = [
    [titleLine(state, canvas), stageBar(state, canvas), activityLine(state, canvas)],
    state.alerts.slice(0, mostAlerts).map((alert) => alertLine(alert, canvas)),
    figuresOf(state.series).map((figure) => figureLine(figure, canvas)),
    Object.entries(state.suites).map(([name, suite]) => suiteLine(name, suite, canvas)),
    state.verdicts.map((verdict) => verdictLine(verdict, canvas)),
  ];
  const lines = sections.filter(({ length }) => length > 0).flatMap((section) => ['', ...section]);
  return lines.slice(1, canvas.rows);
}

function titleLine(state: ScreenState, { columns, paint }: Canvas): string {
  const { run, stages, stage, step } = state;
  const place = stages.findIndex(({ name }) => name === stage);
  const where = place < 0 ? 'before the first stage' : `stage ${place + 1} of ${stages.length}, ${stage}`;
  const parts = [where, `step ${step}`, ...timeLeft(state)];
  return paint('bold', fit([run, ...parts].join(' · '), columns));
}

/**
 * Estimates the training time left; an upper bound, because a stage may end early. Evaluations take additional time.
 */
function timeLeft({ stages, stage, stepsOf, series }: ScreenState): string[] {
  const lengths = stepSeconds(series).slice(-recentSteps);
  if (lengths.length === 0) return [];
  const secondsPerStep = lengths.reduce((sum, seconds) => sum + seconds, 0) / lengths.length;
  const current = stages.findIndex(({ name }) => name === stage);
  const left = stages
    .slice(Math.max(0, current))
    .reduce((sum, { name, maxSteps }) => sum + (maxSteps ?? 0) - (stepsOf[name] ?? 0), 0);
  return left > 0 ? [`at most ${formatSeconds(left * secondsPerStep)} of training left`] : [];
}

function stepSeconds(series: ScreenState['series']): number[] {
  const learning = series['time/learn']?.values ?? [];
  return (series['time/rollout']?.values ?? []).map((seconds, i) => seconds + (learning[i] ?? 0));
}

/**
 * Draws one bar per stage, with a width proportional to `maxSteps` if known; a finished stage is full even if it
 * ended early.
 */
function stageBar({ stages, stage, stepsOf }: ScreenState, { columns }: Canvas): string {
  const total = Math.max(
    1,
    stages.reduce((sum, { maxSteps }) => sum + (maxSteps ?? 0), 0),
  );
  const width = columns - stages.length;
  const current = stages.findIndex(({ name }) => name === stage);
  const stretches = stages.map(({ name, maxSteps }, i) => {
    const share = i < current ? 1 : (stepsOf[name] ?? 0) / (maxSteps ?? Infinity);
    return bar(share, Math.max(1, Math.floor((width * (maxSteps ?? 0)) / total)));
  });
  return stretches.join(' ').slice(0, columns);
}

function activityLine({ activity }: ScreenState, { columns }: Canvas): string {
  if (activity === null) return '';
  const { label, done, total } = activity;
  const count = `${done}/${total}`;
  const width = columns - labelWidth * 2 - count.length - 2;
  if (width < 4) return fit(`${label} ${count}`, columns);
  return `${fit(label, labelWidth * 2).padEnd(labelWidth * 2)} ${bar(done / Math.max(1, total), width)} ${count}`;
}

function bar(share: number, width: number): string {
  return '━'.repeat(Math.round(Math.min(1, share) * width)).padEnd(width, '─');
}

function alertLine({ severity, title }: ScreenState['alerts'][number], { columns, paint }: Canvas): string {
  return paint(severity === 'error' ? 'red' : 'yellow', fit(`! ${title}`, columns));
}

function figureLine({ label, values, value, note }: Figure, { columns, paint }: Canvas): string {
  const left = `${paint('dim', fit(label, labelWidth).padEnd(labelWidth))}${value.padStart(valueWidth)}`;
  const room = columns - labelWidth - valueWidth - 2;
  const curve = sparkline(values, Math.min(40, room > noteWidth + 16 ? room - noteWidth : room));
  const rest = room - curve.length - 2;
  return room < 4 ? left : `${left}  ${curve}${rest < 8 ? '' : `  ${paint('dim', fit(note, rest))}`}`;
}

function suiteLine(
  name: string,
  { first, last }: ScreenState['suites'][string],
  { columns, paint }: Canvas,
): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const interval = `[${percent(last.low)}, ${percent(last.high)}] after ${last.step} steps`;
  const before = first === last ? '' : `, ${percent(first.mean)} after ${first.step}`;
  const text = fit(`  ${interval}${before}`, columns - labelWidth - valueWidth);
  return `${paint('dim', fit(name, labelWidth).padEnd(labelWidth))}${percent(last.mean).padStart(valueWidth)}${paint('dim', text)}`;
}

const marks: Readonly<Record<Outcome, readonly ['green' | 'red' | 'yellow', string]>> = {
  correct: ['green', '✓'],
  incorrect: ['red', '✗'],
  unparsed: ['yellow', '?'],
  timeout: ['yellow', '⧗'],
  ungradable: ['yellow', '!'],
};

function verdictLine(
  { problemId, outcome, reason }: ScreenState['verdicts'][number],
  { columns, paint }: Canvas,
): string {
  const [style, mark] = marks[outcome];
  return `${paint(style, mark)} ${fit(`${problemId}  ${reason}`, columns - 2)}`;
}

/** Fits text on one line of at most `width` characters. */
function fit(text: string, width: number): string {
  const shown = [...printable(text)];
  return shown.length <= width ? shown.join('') : `${shown.slice(0, Math.max(0, width - 1)).join('')}…`;
}
