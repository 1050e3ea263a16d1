import type { Problem } from '../../core/problem.ts';
import type { KnownDifficulty } from './difficulty.ts';
import { difficultyColumns } from './problem-line.ts';

const columns = [
  'id',
  'domain',
  'family',
  'source',
  'levels',
  'pass_rate',
  'pass_rate_low',
  'pass_rate_high',
  'trials',
  'pass_rate_model',
  'prompt',
  'answer',
] as const;

/** The header line of a CSV file of problems. */
export const csvHeader = columns.join(',');

/**
 * Writes a problem as a CSV line (RFC 4180): columns for sorting and filtering, levels separated by spaces, the prompt
 * as text, and the gold answer. Tests and solutions are omitted; JSON Lines keep them.
 */
export function csvLine(problem: Problem, known: KnownDifficulty | undefined): string {
  const { id, domain, family, source, prompt, answer } = problem;
  const difficulty = known === undefined ? {} : difficultyColumns(known);
  const row: { readonly [Name in (typeof columns)[number]]?: string | number | undefined } = {
    id,
    domain,
    family,
    source,
    ...difficulty,
    levels: known?.levels?.join(' '),
    prompt: prompt.map(({ content }) => content).join('\n'),
    answer,
  };
  return columns.map((name) => field(row[name])).join(',');
}

function field(value: string | number = ''): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
