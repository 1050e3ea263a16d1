/** The result of one test of a program; `null`: not reported by the verifier. */
export interface TestRow {
  /** Number of the test, from 1. */
  readonly number: number;
  readonly status: string;
  readonly input: string | null;
  readonly expected: string | null;
  readonly got: string | null;
  /** Error message of a program that crashed. */
  readonly error: string | null;
}

/** The verdict of one part of a composite verifier. */
export interface Part {
  readonly verifier: string;
  readonly outcome: string;
  readonly reason: string;
  readonly weight: string;
  readonly score: string;
}

type Evidence = Readonly<Record<string, unknown>>;

/** Returns a value as text; undefined for null and undefined. */
export function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Returns the span of the extracted answer in a completion of `length` characters; undefined if it is missing or invalid. */
export function spanOf({ span }: Evidence, length: number): readonly [number, number] | undefined {
  if (!Array.isArray(span) || span.length !== 2) return undefined;
  const [start, end] = span as unknown[];
  const isPlace = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
  return isPlace(start) && isPlace(end) && start < end && end <= length ? [start, end] : undefined;
}

/** Returns the normalised forms of answer and gold; undefined for a form that the verifier does not report. */
export function normalisedOf({ normalised }: Evidence): {
  answer?: string | undefined;
  gold?: string | undefined;
} {
  if (!isRecord(normalised)) return {};
  return { answer: textOf(normalised['answer']), gold: textOf(normalised['gold']) };
}

/** Returns the results of tests: all of them from `javascript-tests`; counts and the first failures from `code`. */
export function testsOf(
  evidence: Evidence,
): { readonly rows: readonly TestRow[]; readonly note: string } | undefined {
  const { tests, failures, passed, total, run } = evidence;
  if (Array.isArray(tests)) {
    const rows = tests.filter(isRecord).map((test, index): TestRow => {
      const isPassed = test['passed'] === true;
      const status = isPassed ? 'passed' : test['status'] === 'returned' ? 'wrong' : String(test['status']);
      return {
        number: index + 1,
        status,
        input: listed(test['arguments']),
        expected: textOf(test['expected']) ?? null,
        got: test['status'] === 'failed' ? null : (textOf(test['got']) ?? null),
        error: test['status'] === 'failed' ? (textOf(test['got']) ?? null) : null,
      };
    });
    const good = rows.filter(({ status }) => status === 'passed').length;
    return { rows, note: `${good} of ${rows.length} passed` };
  }
  if (!Array.isArray(failures)) return undefined;
  const rows = failures.filter(isRecord).map((test): TestRow => ({
    number: Number(test['test'] ?? 0) + 1,
    status: String(test['status']),
    input: textOf(test['input']) ?? null,
    expected: textOf(test['expected']) ?? null,
    got: textOf(test['got']) ?? null,
    error: textOf(test['error']) ?? null,
  }));
  const ran = run === total ? '' : `, ${String(run)} run`;
  return { rows, note: `${String(passed)} of ${String(total)} passed${ran}; first failures` };
}

/** Returns the parts of a composite verdict; undefined for other verdicts. */
export function partsOf({ parts }: Evidence): readonly Part[] | undefined {
  if (!Array.isArray(parts)) return undefined;
  return parts.filter(isRecord).map((part) => ({
    verifier: String(part['verifier']),
    outcome: String(part['outcome']),
    reason: String(part['reason']),
    weight: String(part['weight']),
    score: String(part['score']),
  }));
}

const known = new Set([
  'gold',
  'extracted',
  'normalised',
  'rule',
  'foundBy',
  'span',
  'value',
  'tests',
  'failures',
  'passed',
  'total',
  'run',
  'parts',
]);

/** Returns the evidence that the other functions do not read. */
export function otherFacts(evidence: Evidence): (readonly [string, string])[] {
  return Object.entries(evidence).flatMap(([name, value]) =>
    known.has(name) ? [] : [[name, textOf(value) ?? 'null'] as const],
  );
}

function listed(value: unknown): string | null {
  if (!Array.isArray(value)) return textOf(value) ?? null;
  return value.map((item) => JSON.stringify(item)).join(', ');
}

const isRecord = (value: unknown): value is Evidence =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
