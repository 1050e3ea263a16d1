/** Currency signs and codes, with the name used in comparisons. `dollar` is any dollar: `\$5` may be USD or AUD. */
const currencies: Readonly<Record<string, string>> = {
  '\\$': 'dollar',
  $: 'dollar',
  US$: 'USD',
  'U.S.$': 'USD',
  'US\\$': 'USD',
  A$: 'AUD',
  'A\\$': 'AUD',
  AU$: 'AUD',
  'AU\\$': 'AUD',
  C$: 'CAD',
  'C\\$': 'CAD',
  CA$: 'CAD',
  'CA\\$': 'CAD',
  HK$: 'HKD',
  'HK\\$': 'HKD',
  NZ$: 'NZD',
  'NZ\\$': 'NZD',
  S$: 'SGD',
  'S\\$': 'SGD',
  '€': 'EUR',
  '£': 'GBP',
  '¥': '¥',
  '￥': '¥',
  '₹': 'INR',
  '₩': 'KRW',
  '₽': 'RUB',
  '₫': 'VND',
  '₱': 'PHP',
  '฿': 'THB',
  Rs: 'INR',
  'Rs.': 'INR',
  '\\euro': 'EUR',
  '\\pounds': 'GBP',
  '\\textdollar': 'dollar',
  '\\texteuro': 'EUR',
  '\\textsterling': 'GBP',
};

/** ISO codes that may precede or follow an amount. */
export const currencyCodes: ReadonlySet<string> = new Set(
  (
    'USD EUR GBP JPY CNY RMB INR AUD CAD CHF KRW NZD SGD HKD MXN BRL RUB ZAR TRY SEK NOK DKK PLN CZK HUF THB IDR ' +
    'MYR PHP VND AED SAR ILS EGP PKR BDT NGN KES ARS CLP COP TWD'
  ).split(' '),
);

const signs = [...Object.keys(currencies), ...currencyCodes]
  .toSorted((a, b) => b.length - a.length)
  .map((sign) => sign.replaceAll(/[\\$.]/g, '\\$&'))
  .join('|');
const opening = new RegExp(
  String.raw`^([-+]?)\s*(?:\\(?:text|mathrm|textrm|mbox)\{\s*)?(${signs})\s*\}?(?:\s|\\[ ,;:!]|~)*(?=[-+]?(?:[\d.]|\\[dt]?frac))`,
);
const closing = new RegExp(
  String.raw`(?<=[\d}.])(?:\s|\\[ ,;:!]|~)*(?:\\(?:text|mathrm|textrm|mbox)\{\s*)?(?<![A-Za-z\\])(${signs})\s*\}?\s*[.。]?$`,
);
const mayHaveMark = /[$€£¥￥₹₩₽₫₱฿A-Z]/;
const namedSigns = ['\\euro', '\\pounds', '\\textdollar', '\\texteuro', '\\textsterling'];
const marks =
  /(?:US|U\.S\.|AU|A|CA|C|HK|NZ|S)?\\?\$|[€£¥￥₹₩₽₫₱฿]|\\(?:euro|pounds|text(?:dollar|euro|sterling))(?![A-Za-z])/g;

/**
 * Converts the currency of an answer that is a single amount to a unit: `\$5`, `US$5`, `5€` and `EUR 5` become
 * `5\text{ dollar}` and so on. Signs in any other context are dropped.
 */
export function currencyAsUnit(text: string): string {
  const isNamed = text.includes('\\') && namedSigns.some((sign) => text.includes(sign));
  if (!isNamed && !mayHaveMark.test(text)) return text;
  const count = text.match(marks)?.length ?? 0;
  const before = opening.exec(text);
  if (before !== null && count <= 1) return withUnit(before[1]! + text.slice(before[0].length), before[2]!);
  const after = before === null ? closing.exec(text) : null;
  if (after !== null && count <= 1) return withUnit(text.slice(0, after.index), after[1]!);
  return count === 0 ? text : text.replaceAll(marks, ' ');
}

/**
 * Adds the currency as a unit, unless words follow the amount, which then are its unit. Words that scale the amount, as
 * in `\$5 \text{ million}`, are not a unit.
 */
function withUnit(amount: string, sign: string): string {
  const isAmount = /^[-+]?[\d.\\]/.test(amount) && !/[=<>;]|, /.test(amount);
  const words =
    amount.replaceAll(/\\(?:text|mathrm|mbox|[dt]?frac|cdot|times)(?![a-z])/g, '').match(/[A-Za-z]{2,}/g) ??
    [];
  const isBare = words.every((word) => /^(?:hundred|thousand|[mbtr]+illion|dozen|lakh|crore)s?$/.test(word));
  return isAmount && isBare ? `${amount.trimEnd()}\\text{ ${currencies[sign] ?? sign}}` : amount;
}
