/** What a model server was asked for and what that cost. */
export interface Spending {
  /** Answers that say how many tokens they took, used or not. */
  readonly requests: number;
  readonly promptTokens: number;
  /** Of the prompt tokens, those that the server had read before and may charge less for. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** In the currency of the prices; absent where no prices are known. */
  readonly cost?: number;
}

/** What a million tokens cost, in any one currency. */
export interface Prices {
  readonly prompt: number;
  /** For prompt tokens that had been read before; absent: as others. */
  readonly cached?: number | undefined;
  readonly completion: number;
}

/** Nothing was asked for. */
export const noSpending: Spending = {
  requests: 0,
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
};

/** @returns the cost in the currency of the prices. */
export function costOf(
  { promptTokens, cachedTokens, completionTokens }: Omit<Spending, 'requests' | 'cost'>,
  { prompt, cached = prompt, completion }: Prices,
): number {
  const fresh = promptTokens - cachedTokens;
  return (fresh * prompt + cachedTokens * cached + completionTokens * completion) / 1e6;
}

/** `a` and `b` together; a cost where either has one. */
export const addSpending = (a: Spending, b: Spending): Spending => combine(a, b, 1);

/** What of `whole` is not in `part`. */
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

/** One line for people. */
export function describeSpending({
  requests,
  promptTokens,
  cachedTokens,
  completionTokens,
  cost,
}: Spending): string {
  const number = (count: number): string => count.toLocaleString('en-US');
  const cached = cachedTokens > 0 ? ` (${number(cachedTokens)} read before)` : '';
  const paid = cost === undefined ? '' : `, cost ${Number(cost.toPrecision(4))}`;
  return `${number(requests)} answers: ${number(promptTokens)} prompt tokens${cached}, ${number(completionTokens)} written${paid}`;
}
