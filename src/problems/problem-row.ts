import { stringifyJson } from '../core/lossless-json.ts';
import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { Message, Problem } from '../core/problem.ts';
import { naming } from './naming-rows.ts';
import { attachImages, type RawMessage, takeImages } from './images/row-images.ts';
import type { ColumnNames } from './columns.ts';
import type { ProblemIds } from './problem-ids.ts';
import { testsExample, testsSchema } from './shapes/tests/tests-schema.ts';
import { withInstruction, type Instruction } from './instruction.ts';

const messageSchema = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
  images: z.array(z.unknown()).optional(),
});
/** Rejects blank strings, which indicate an incomplete row. */
const filled = z.string().regex(/\S/, { error: 'expected a non-blank string' });
const promptSchema = z.union([filled, z.array(messageSchema).min(1)], {
  error: 'expected a string or a list of {role, content} messages',
});
const wordingsSchema = z.array(promptSchema, { error: 'expected a list of prompts' });
const textSchema = z.string().min(1);
const knobSchema = z.int().min(1);
const passRatesSchema = z.array(
  z
    .strictObject({ model: textSchema, successes: z.int().min(0), trials: z.int().min(1) })
    .refine(({ successes, trials }) => successes <= trials, {
      error: 'expected at most as many successes as trials',
    }),
);
/** Accepts numbers and booleans too, since many data sets store answers that way. */
const answerSchema = z.union([filled, z.number(), z.bigint(), z.boolean()], {
  error: 'expected a string or a number',
});

/** Settings that determine how rows become problems. */
export interface RowMapping extends Instruction {
  readonly columns: ColumnNames;
  /** Domain of rows that do not name one. */
  readonly domain: string;
  /** The file's name in messages. */
  readonly name: string;
  readonly ids: ProblemIds;
  /** Local path of the file; images are relative to it. */
  readonly file: string;
  /** See `ImageOrigin`. */
  readonly onMissing?: ((error: DataError) => void) | undefined;
}

/**
 * Builds a problem from one parsed row.
 *
 * @param given the row before columns were derived; error messages list its column names.
 * @throws DataError naming the file, row and column, and the expected and actual values.
 */
export function problemOfRow(
  value: unknown,
  mapping: RowMapping,
  row: number,
  given: object = Object(value) as object,
): Problem {
  const where = `${mapping.name}:${row}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new DataError(`${where}: expected a JSON object, got ${shown(value)}`);
  const fields = new Map<string, unknown>(Object.entries(value));
  const { columns, ids } = mapping;

  const optional = <T>(column: string, schema: z.ZodType<T>): T | undefined => {
    const field = fields.get(column);
    fields.delete(column);
    if (field === undefined || field === null) return undefined;
    const parsed = schema.safeParse(field);
    if (parsed.success) return parsed.data;
    const issues = parsed.error.issues.slice(0, 4).map(({ path, message }) => {
      return `"${[column, ...path].join('.')}": ${message}`;
    });
    const form =
      column === columns.tests
        ? `; write tests as ${testsExample(field)}, or convert published formats with gradus data import`
        : '';
    throw new DataError(`${where}: column ${issues.join(', ')}, got ${shown(field)}${form}`);
  };

  const id = optional(columns.id, answerSchema);
  const prompt = optional(columns.prompt, promptSchema);
  if (prompt === undefined)
    throw new DataError(`${where}: expected a column "${columns.prompt}", got none${namesOf(given)}`);
  const wordings = optional(columns.wordings, wordingsSchema) ?? [];
  const answer = optional(columns.answer, answerSchema);
  const tests = optional(columns.tests, testsSchema);
  if (answer === undefined && tests === undefined)
    throw new DataError(
      `${where}: expected a gold "${columns.answer}" or "${columns.tests}", got neither${namesOf(given)}`,
    );
  const [domain, family] = [optional(columns.domain, textSchema), optional(columns.family, textSchema)];
  const solution = optional(columns.solution, textSchema);
  const knob = optional(columns.knob, knobSchema);
  const [source, licence] = [optional(columns.source, textSchema), optional(columns.licence, textSchema)];
  const passRates = optional(columns.passRates, passRatesSchema);
  const images = takeImages(fields, columns.images);
  const withImages = (asked: z.output<typeof promptSchema>): readonly Message[] =>
    naming(where, () => attachImages(messagesOf(asked), images, mapping));
  const said = {
    prompt: withImages(prompt),
    ...(answer === undefined ? {} : { answer: String(answer) }),
    ...(tests === undefined ? {} : { tests }),
  };
  return {
    id: id === undefined ? ids.ofContent(said) : ids.stated(String(id), mapping.name, row, columns.id),
    domain: domain ?? mapping.domain,
    ...(family === undefined ? {} : { family }),
    ...(knob === undefined ? {} : { knob }),
    ...said,
    prompt: withInstruction(said.prompt, mapping),
    ...(wordings.length > 0 && {
      wordings: wordings.map((wording) => withInstruction(withImages(wording), mapping)),
    }),
    source: source ?? mapping.name,
    ...(licence === undefined ? {} : { licence }),
    ...(passRates === undefined ? {} : { passRates }),
    ...(solution === undefined ? {} : { solution }),
    ...(fields.size === 0 ? {} : { extra: Object.fromEntries(fields) }),
  };
}

const messagesOf = (prompt: z.output<typeof promptSchema>): readonly RawMessage[] =>
  typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt;

function namesOf(value: object): string {
  return ` (columns: ${Object.keys(value).join(', ') || 'none'}); name others in "columns" of a recipe, or with gradus data import --column answer=<column>`;
}

function shown(value: unknown): string {
  const text = stringifyJson(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
