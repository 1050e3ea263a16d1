/** Usage of a model server and its cost. */
export interface Spending {
  /** Number of answers that reported their token usage, including unused answers. */
  readonly requests: number;
  readonly promptTokens: number;
  /** Prompt tokens from the server's prefix cache, which may cost less. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Cost in the currency of the prices; absent if no prices are given. */
  readonly cost?: number;
}

/** Prices per million tokens, in any one currency. */
export interface Prices {
  readonly prompt: number;
  /** Price of cached prompt tokens; default: the price of other prompt tokens. */
  readonly cached?: number | undefined;
  readonly completion: number;
}

/** Usage before the first request. */
export const noSpending: Spending = {
  requests: 0,
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
};

/** Returns the cost in the currency of the prices. */
export function costOf(
  { promptTokens, cachedTokens, completionTokens }: Omit<Spending, 'requests' | 'cost'>,
  { prompt, cached = prompt, completion }: Prices,
): number {
  const fresh = promptTokens - cachedTokens;
  return (fresh * prompt + cachedTokens * cached + completionTokens * completion) / 1e6;
}

/** Adds two usages. The sum has a cost if either summand has one. */
export const addSpending = (a: Spending, b: Spending): Spending => combine(a, b, 1);

/** Returns the usage in `whole` that is not in `part`. */
export const subtractSpending = (whole: Spending, part: Spending): Spending => combine(whole, part, -1);

function combine(a: Spending, b: Spending, sign: 1 | -1): Spending {
  const cost =
    a.cost === undefined && b.cost === undefined ? {} : { cost: (a.cost ?? 0) + sign * (b.cost ?? 0) };
  return {
    requests: a.requests + sign * b.requests,
    promptTokens: a.promptTokens + sign * b.promptTokens,
    cachedTokens: a.cachedTokens + sign * b.cachedTokens,
    completionTokens: a.completionTokens + sign * b.completionTokens,
    ...cost,
  };
}

/** Formats usage as one readable line. */
export function describeSpending({
  requests,
  promptTokens,
  cachedTokens,
  completionTokens,
  cost,
}: Spending): string {
  const number = (count: number): string => count.toLocaleString('en-US');
  const cached = cachedTokens > 0 ? ` (${number(cachedTokens)} cached)` : '';
  const paid = cost === undefined ? '' : `, cost ${Number(cost.toPrecision(4))}`;
  return `${number(requests)} answers: ${number(promptTokens)} prompt tokens${cached}, ${number(completionTokens)} written${paid}`;
}
