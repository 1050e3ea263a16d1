/** The body of a function of `x`, as text; a sum needs brackets before it is multiplied or subtracted. */
export interface Body {
  readonly text: string;
  readonly isSum: boolean;
}

/** One operation on a value: its description, the function with it appended, and the value that it computes. */
export interface Step {
  readonly words: string;
  readonly extend: (inner: Body) => Body;
  readonly compute: (value: number) => number;
}

const bracketed = ({ text, isSum }: Body): string => (isSum ? `(${text})` : text);

/** Operations with a constant that are described in words, by name. */
export const stepKinds = {
  add: (c: number): Step => ({
    words: `add ${c}`,
    extend: (inner) => ({ text: `${inner.text}+${c}`, isSum: true }),
    compute: (value) => value + c,
  }),
  subtract: (c: number): Step => ({
    words: `subtract ${c}`,
    extend: (inner) => ({ text: `${inner.text}-${c}`, isSum: true }),
    compute: (value) => value - c,
  }),
  multiply: (c: number): Step => ({
    words: `multiply by ${c}`,
    extend: (inner) => ({ text: `${bracketed(inner)}*${c}`, isSum: false }),
    compute: (value) => value * c,
  }),
  subtractFrom: (c: number): Step => ({
    words: `subtract from ${c}`,
    extend: (inner) => ({ text: `${c}-${bracketed(inner)}`, isSum: true }),
    compute: (value) => c - value,
  }),
} as const;

/** Returns the question, body and function of consecutive steps, starting from `x`. */
export function describeSteps(steps: readonly Step[]) {
  const start: Body = { text: 'x', isSum: false };
  return {
    question: `x: ${steps.map(({ words }) => words).join(', ')}`,
    work: '',
    body: steps.reduce((inner, { extend }) => extend(inner), start).text,
    compute: (x: number): number => steps.reduce((value, { compute }) => compute(value), x),
    parameters: 1,
  } as const;
}
