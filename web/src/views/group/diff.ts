/** Two texts, split into their common ends and different middles. */
export interface Difference {
  readonly before: string;
  readonly left: string;
  readonly right: string;
  readonly after: string;
}

/** Splits two short texts by their common prefix and suffix, in code points. */
export function differenceOf(left: string, right: string): Difference {
  const [a, b] = [[...left], [...right]];
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start++;
  let end = 0;
  while (end < most - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  return {
    before: a.slice(0, start).join(''),
    left: a.slice(start, a.length - end).join(''),
    right: b.slice(start, b.length - end).join(''),
    after: a.slice(a.length - end).join(''),
  };
}
