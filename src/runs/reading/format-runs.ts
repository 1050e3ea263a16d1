import { printable } from '../../core/text/printable.ts';
import type { DataRecord } from '../../core/source-record.ts';
import { alignColumns } from '../../core/text/table.ts';
import type { Annotations } from '../files/annotations.ts';
import { allSources } from '../files/data-file.ts';
import { exportedModel } from '../files/layout.ts';
import type { RunListing } from './list-runs.ts';
import type { RunReader } from './run-reader.ts';
import type { RunSummary } from './run-rows.ts';

/** Formats the table of `gradus runs list`: one line per run. */
export function formatRunList(listings: readonly RunListing[]): string {
  if (listings.length === 0) return 'no runs yet; start one with: gradus demo';
  const notes = listings.map((listing) => ('problem' in listing ? '' : shortNote(listing.annotations)));
  const hasNotes = notes.some((note) => note !== '');
  const header = ['run', 'status', 'step', 'stage', 'seed', 'started', ...(hasNotes ? ['notes'] : [])];
  const rows = listings.map((listing, at) =>
    'problem' in listing
      ? [listing.folder, 'damaged', '', '', '', printable(listing.problem)]
      : [...summaryCells(listing.summary), ...(hasNotes ? [printable(notes[at]!)] : [])],
  );
  return alignColumns([header, ...rows]);
}

const noteCharacters = 60;

/** Formats annotations as one line: `Baseline · #gsm8k #keep · first line of the note`. */
function shortNote({ title, tags, note }: Annotations): string {
  const [line = ''] = note.trim().split('\n');
  const start = line.length <= noteCharacters ? line : `${line.slice(0, noteCharacters - 1)}…`;
  return [title, tags.map((tag) => `#${tag}`).join(' '), start].filter((part) => part !== '').join(' · ');
}

/**
 * Formats the page of `gradus runs show`: description, progress, last values, and the files of its problems.
 * @param data absent for older runs, which did not record it.
 */
export function formatRun(run: RunReader, data?: DataRecord, annotations?: Annotations): string {
  const summary = run.summary();
  const session = run.sessions().at(-1);
  const facts: [string, string][] = [
    ['run', summary.directory],
    ['status', summary.reason === null ? summary.status : `${summary.status} (${summary.reason})`],
    ['step', `${summary.step}${summary.stage === null ? '' : `, stage ${summary.stage}`}`],
    ['recipe', `sha256 ${summary.recipeHash.slice(0, 12)}, seed ${summary.seed}`],
    ['started', summary.createdAt],
    ['resumed', `${Math.max(0, run.sessions().length - 1)} times`],
  ];
  for (const [name, text] of Object.entries({
    title: annotations?.title ?? '',
    tags: annotations?.tags.join(', ') ?? '',
    note: annotations?.note ?? '',
  }))
    if (text !== '') facts.push([name, text]);
  const model = exportedModel(summary.directory);
  if (model !== undefined) facts.push(['model', model]);
  if (summary.parent !== null)
    facts.push(['parent', `run ${summary.parent.run}, step ${summary.parent.step}`]);
  if (session !== undefined) {
    facts.push([
      'code',
      `gradus ${session.packageVersion}, commit ${session.gitCommit?.slice(0, 12) ?? 'none'}`,
    ]);
    for (const sentence of session.skipped) facts.push(['warning', sentence]);
  }
  const sections = [
    alignColumns(facts.map((fact) => fact.map((text) => printable(text)))),
    stageTable(run),
    metricTable(run),
    dataTable(data),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

function stageTable(run: RunReader): string {
  const ends = new Map(run.events().map((event) => [`${event.type} ${event.stage ?? ''}`, event.message]));
  const rows = run
    .stages()
    .map(({ stage, firstStep, lastStep }) => [
      printable(stage),
      `${firstStep}-${lastStep}`,
      printable(ends.get(`stage-end ${stage}`) ?? ''),
    ]);
  return rows.length === 0 ? '' : alignColumns([['stage', 'steps', 'ended'], ...rows]);
}

function metricTable(run: RunReader): string {
  const rows = Object.entries(run.metricsAt(run.summary().step)).map(([name, value]) => [
    name,
    formatNumber(value),
  ]);
  return rows.length === 0 ? '' : alignColumns([['metric', 'last step'], ...rows]);
}

function dataTable(data: DataRecord | undefined): string {
  const rows = (data === undefined ? [] : allSources(data)).flatMap(({ source, problems, commit, files }) =>
    files.map(({ sha256, bytes }, i) => [
      i === 0 ? printable(source) : '',
      i === 0 ? String(problems) : '',
      `${bytes} B`,
      `sha256 ${sha256.slice(0, 12)}`,
      commit === undefined ? '' : `commit ${commit.slice(0, 12)}`,
    ]),
  );
  const examples = (data?.examples ?? []).map(({ name, sha256, bytes }) => [
    printable(name),
    'examples',
    `${bytes} B`,
    `sha256 ${sha256.slice(0, 12)}`,
    '',
  ]);
  const all = [...rows, ...examples];
  return all.length === 0 ? '' : alignColumns([['data', 'problems', 'size', 'content', ''], ...all]);
}

function summaryCells(summary: RunSummary): string[] {
  return [
    summary.folder,
    summary.status,
    String(summary.step),
    printable(summary.stage ?? ''),
    String(summary.seed),
    summary.createdAt.slice(0, 19).replace('T', ' '),
  ];
}

function formatNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}
