/** Matches emphasis, fences and brackets that may occur between a hedge and its value. */
const opening = String.raw`\s*(?:[$(*"]|\\\()*\s*$`;

/** Matches words that deny the value after them: "not 42", `不是42`. */
const denial = new RegExp(
  String.raw`(?:\b(?:not|never|cannot|isn't|aren't|wasn't|can't)(?: equal(?: to)?| be)?|不是|不等于|并非|不为)${opening}`,
  'i',
);

/** Matches words that turn the value after them into a bound: "at most 42", `小于42`. */
const bound = new RegExp(
  String.raw`(?:\b(?:at (?:most|least)|(?:more|less|fewer|greater|larger|smaller|higher|lower|bigger) than|over|under|above|below|up to|between|almost|nearly)|大于|小于|多于|少于|超过|不到|不足)${opening}`,
  'i',
);

/** Number of characters before a value in which to look for a hedge. */
const reach = 24;

/** Returns the start of the words that deny or bound the value at `start`; returns `start` itself if there are none. */
export function boundStart(text: string, start: number): number {
  return Math.min(hedgeStart(denial, text, start), hedgeStart(bound, text, start));
}

function hedgeStart(hedge: RegExp, text: string, start: number): number {
  const from = Math.max(0, start - reach);
  const found = hedge.exec(text.slice(from, start));
  return found === null ? start : from + found.index;
}
