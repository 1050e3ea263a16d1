import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { createRng, hashKey } from '../core/rng.ts';
import { noun } from '../core/noun.ts';
import { families } from './families/catalogue.ts';
import type { Family, Question } from './families/family.ts';
import { worded, type Wording, wordingShape } from './wording.ts';

/** Which part of all questions a problem belongs to. The question's text decides, so no two splits share a question. */
export type Split = 'train' | 'validation' | 'held-out';

const familyNames = families.map(({ name }) => name);

/** Problems made by the families of `families/`: checkable, without end, and of known difficulty settings. */
export const generatedConfig = z
  .strictObject({
    type: z.literal('generated'),
    /** Which families; absent: all (of `domain`, where that is given). */
    families: z.array(z.enum(familyNames)).min(1).optional(),
    domain: z.enum(['math', 'code']).optional(),
    /** Which difficulty settings, 1 the easiest; absent: all that a family has. */
    knobs: z.array(z.int().min(1)).min(1).optional(),
    /** Distinct questions for each family and knob; a cell that has fewer is an error saying how many it has. */
    perCell: z.int().min(1).optional(),
    /** Or: distinct questions in all, spread evenly; cells that run out give all they have and the others the rest. */
    count: z.int().min(1).optional(),
    /** Another seed draws other questions of the same split. */
    seed: z.int().default(0),
    split: z.enum(['train', 'validation', 'held-out']),
    ...wordingShape,
  })
  .refine((config) => (config.perCell === undefined) !== (config.count === undefined), {
    error: 'expected one of perCell or count',
    path: ['perCell'],
  });
type GeneratedConfig = z.infer<typeof generatedConfig>;

/** Recipe noun for generated problems. */
export const generated = noun(generatedConfig);

/**
 * Draws the problems of a config, the same for the same config, one family and knob (a cell) after the other in turn.
 * Throws a `DataError` when there are not enough distinct questions.
 */
export function* generateProblems(config: GeneratedConfig): Generator<Problem> {
  const { perCell = Infinity, count = Infinity } = config;
  const seen = new Set<string>();
  let open = cellsOf(config).map((cell) => ({ ...cell, questions: drawCell(cell, config, seen) }));
  let found = 0;
  for (let round = 0; round < perCell && found < count; round++) {
    if (open.length === 0) throw exhausted(`${count}`, config, 'questions', found);
    const ended = new Set<(typeof open)[number]>();
    for (const cell of open) {
      if (found === count) return;
      const next = cell.questions.next();
      if (next.done !== true) {
        found++;
        yield problemOf(next.value, cell, config);
      } else if (perCell === Infinity) ended.add(cell);
      else throw exhausted(`${perCell}`, config, `questions of ${cell.family.name} knob ${cell.knob}`, round);
    }
    open = open.filter((cell) => !ended.has(cell));
  }
}

/** The split of a question: 70 % train, 10 % validation, 20 % held-out, decided by its text alone. */
export function splitOf(question: string): Split {
  const part = hashKey('split', question) % 10;
  if (part < 2) return 'held-out';
  return part === 2 ? 'validation' : 'train';
}

interface Cell {
  readonly family: Family;
  readonly knob: number;
}

function cellsOf(config: GeneratedConfig): Cell[] {
  const chosen = families.filter(
    ({ name, domain }) =>
      (config.families?.includes(name) ?? true) && (config.domain === undefined || config.domain === domain),
  );
  const cells = chosen.flatMap((family) =>
    Array.from({ length: family.knobs }, (_, i) => ({ family, knob: i + 1 })),
  );
  const wanted = cells.filter(({ knob }) => config.knobs?.includes(knob) ?? true);
  if (wanted.length > 0) return wanted;
  throw new DataError(
    `generated problems: no family has what was asked for (families ${config.families?.join(', ') ?? 'all'}, ` +
      `domain ${config.domain ?? 'any'}, knobs ${config.knobs?.join(', ') ?? 'all'}); drop one of the three`,
  );
}

/** Draws in vain before a cell counts as exhausted: many times what finding its last question should take. */
const maxDrawsInVain = 5000;

/** Distinct questions of a cell and split until there are no more. */
function* drawCell({ family, knob }: Cell, config: GeneratedConfig, seen: Set<string>): Generator<Question> {
  const rng = createRng(config.seed, 'generated', family.name, knob, config.split);
  for (let inVain = 0; inVain < maxDrawsInVain; inVain++) {
    const drawn = family.generate(rng, knob);
    if (seen.has(drawn.question) || splitOf(drawn.question) !== config.split) continue;
    seen.add(drawn.question);
    inVain = 0;
    yield drawn;
  }
}

function exhausted(wanted: string, { split }: GeneratedConfig, what: string, found: number): DataError {
  return new DataError(
    `generated problems: expected ${wanted} distinct ${split} ${what}, found ${found} (${maxDrawsInVain} more draws gave none)`,
    { tryNext: `ask for ${found} or fewer, or for more families or knobs` },
  );
}

function problemOf(drawn: Question, { family, knob }: Cell, wording: Wording): Problem {
  const { question, solution, answer, tests } = drawn;
  return {
    id: `${family.name}/${knob}/${fingerprint(question)}`,
    domain: family.domain,
    family: family.name,
    knob,
    prompt: worded([{ role: 'user', content: question }], wording),
    ...(answer === undefined ? {} : { answer }),
    ...(tests === undefined ? {} : { tests }),
    source: 'generated',
    solution,
  };
}

/** 64 bits of the question's text, so that a problem has the same id in every run. */
function fingerprint(question: string): string {
  return hashKey('id', question).toString(36) + hashKey('id again', question).toString(36);
}
