/**
 * Removes words around a value that do not change it: a label before it (`\text{Answer: }42`, `The answer is 42`) or an
 * approximation after it (`2\sqrt2\text{ (about 2.83)}`). Words that change the value ("less than", "not", "more") are
 * kept, because they make it a different answer.
 */
export function withoutPhrases(text: string): string {
  if (!/(?<![\\A-Za-z])[A-Za-z]{2}|approx|≈/.test(text)) return text;
  if (/^no$/i.test(text)) return '\\text{no}';
  const halves = text.replaceAll(/(?<=\d) and (?:a|one) half\b/g, '\\frac{1}{2}');
  const bare = opensWithWords.test(halves)
    ? halves.replace(connective, '').replace(announcement, '$1').replace(aScale, 'one ')
    : halves.replace(outOf, '\\frac{$1}{$2}');
  const signed = bare.replace(minusWord, '-').replace(allRealsBut, '\\reals\\setminus\\{$1\\}');
  return withoutLabel(withoutApproximation(signed));
}

/** Matches words that give a following "15" a meaning other than 15. */
const hedge =
  /\b(?:or|and|not|no|never|maybe|perhaps|either|neither|less|fewer|more|greater|larger|smaller|least|most|than|over|under|above|below|between|exceed(?:s|ing)?|except|without|until|before|after|up|within|plus|minus|times|half|double|twice|triple|negative|divided|squared|cubed|opposite|inverse|reciprocal|square root|cube root|if|unless|wrong|incorrect|false|cannot|bc|bce|out of|n't)\b|\d/i;

const textCommand = String.raw`\\(?:text(?:bf|rm|it|normal)?|mathrm|mbox)\s*\{`;
const minusWord = new RegExp(
  String.raw`^\s*(?:${textCommand})?\s*(?:negative|minus)\s+(?:\}\s*)?(?=\d|\\[dt]?frac)`,
  'i',
);
/** A cheap test that matches whenever one of the next three patterns does. */
const opensWithWords = /^\s*(?:\\[a-z]+\s*\{\s*)?[A-Za-z]/;
/** Matches the beginning of "Therefore, x = 42". */
const connective = /^\s*(?:so|thus|hence|therefore|then|finally|overall|in conclusion|and so)\b,?\s+(?=\S)/i;
/** Matches the beginning of "The answer is Sunday" and "There are no solutions". */
const announcement = new RegExp(
  String.raw`^\s*(${textCommand})?\s*(?:(?:the )?(?:final |correct )?answer(?: is|\s*:)|it(?: is|'s)|there (?:is|are)(?= no\b))\s+(?=[A-Za-z])`,
  'i',
);
/** Matches the article in "a million". */
const aScale = /^\s*an? (?=(?:hundred|thousand|million|billion|trillion|dozen|score|lakh|crore)s?\b)/i;
/** Matches "3 out of 4", which is a probability. */
const outOf = new RegExp(String.raw`^\s*(?:${textCommand})?\s*(\d+) (?:out of|in) (\d+)\s*\}?\s*$`);
/** Matches "all real numbers except 2". */
const allRealsBut = new RegExp(
  String.raw`^\s*(?:${textCommand})?\s*(?:all|any) real(?:s| numbers?)(?: x)? (?:except|other than|but)(?: for)?\s*\}?\s*\$?(?:x\s*=\s*)?([-\d.,/ ]+|[-\d\\a-z{}]+)\$?$`,
  'i',
);
/** Matches any words before a colon. */
const colonLabel = new RegExp(
  String.raw`^\s*(?:\*\*|${textCommand})?\s*([A-Za-z][A-Za-z' -]{1,60}?)\s*:\s*(?:\*\*)?\s*(\}?)\s*`,
);
/** Matches a subject of known words and a verb: "The answer is", "There are", "so we get". */
const verbLabel = new RegExp(
  String.raw`^\s*(?:${textCommand})?\s*((?:(?:the|there|so|thus|hence|therefore|our|my|final|correct|right|answer|result|solution|value|total|maximum|minimum|max|min|sum|product|number|area|perimeter|volume|probability|length|distance|ratio|average|mean|median|it|he|she|they|we|you|[A-Z][a-z]+)\s+){1,5}(?:is|are|equals|was|were|has|had|have|get|gets|got|be|takes?|took|needs?|needed|costs?|makes?|made|earns?|earned|spends?|spent|saves?|saved|pays?|paid|eats?|ate|buys?|bought|sells?|sold|receives?|received|walks?|walked|reads?)(?:\s+(?:equal to|approximately|about|exactly|just|only))?|(?:approximately|about|roughly|approx\.?|exactly|ans\.?))\s*(\}?)\s*(?=[\d.\\({$+-])`,
  'i',
);

function withoutLabel(text: string): string {
  const found = colonLabel.exec(text) ?? verbLabel.exec(text);
  if (found === null || hedge.test(found[1]!) || /^(?:option|choice)$/i.test(found[1]!)) return text;
  const rest = text.slice(found[0].length);
  const isOpen = found[0].includes('{') && found[2] === '';
  const value = isOpen ? `${textOpening(found[0])}${rest}` : rest;
  return startsValue(rest) ? value : text;
}

/**
 * Returns the opening `\text{` of a label that is removed from inside it, so that the rest stays text; else an empty
 * string.
 */
function textOpening(label: string): string {
  return /\\[a-z]+\s*\{/.exec(label)?.[0] ?? '';
}

function startsValue(rest: string): boolean {
  return /^[-+]?\s*(?:\$|\\\$|\\\(|\{|\()*\s*[-+]?(?:\d|\.\d|\\(?:[dt]?frac|sqrt|pi|binom)|[a-zA-Z](?![a-zA-Z]))/.test(
    rest,
  );
}

const aside = new RegExp(
  String.raw`(?<=\S)\s*(?:\\[ ,;]|\s)*(?:${textCommand})?\s*(?:\(|,|or)\s*(?:which is |or |i\.e\. ?)?(?:about|approximately|approx\.?|roughly|≈|\\approx)\s*\}?\s*\$?\s*-?[\d.,]+\s*(?:\\?%)?\$?\s*\}?\s*\)?\s*\}?\s*$`,
  'i',
);

/**
 * Removes an approximation after an exact value; keeps it after a decimal, since a decimal and its rounding are two
 * values.
 */
function withoutApproximation(text: string): string {
  const found = aside.exec(text);
  return found !== null && found.index > 0 ? text.slice(0, found.index) : text;
}
