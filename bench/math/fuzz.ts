import type { Rng } from '../../src/core/rng.ts';

const pieces = (
  '0 1 2 7 10 123 1,000 3.14 .5 1e9 9^9 x y n i e \\pi \\infty + - * / ^ _ ! = < > \\le \\ne \\in , ; : | ( ) [ ] { } \\{ \\} \\left( \\right] ' +
  '\\frac \\frac12 \\frac{1}{2} \\sqrt \\sqrt[3]{2} \\sqrt{ \\binom{5}{2} \\log_2 \\sin \\cos^2 \\sum_{k=0}^n \\int \\lim \\pm \\mp \\cup \\cap ' +
  '\\setminus \\emptyset \\mathbb{R} \\text{ \\text{cm} \\text{and} \\mathrm{e} \\begin{pmatrix} \\end{pmatrix} & \\\\ \\begin{cases} % \\% $ \\$ ' +
  "' \\circ ^\\circ \\boxed{ \\boxed \\fbox{ \\overline{3} 0.\\overline{3} and or answer: answer is #### </think> <|im_end|> \\! {,} \\quad ~ \n \t " +
  '\u0000 \u200b é 中 😀 \ud800 ½ ² − ≤ √ \\unknown \\ \\\\frac percent 12:30 5_7 f(x) f( abs gcd(4,6) max( 100! 9^{9^9} \\mid \\langle \\rangle \\lfloor \\rceil'
).split(' ');

/** Returns random text made of the tokens that the verifier interprets, sometimes with arbitrary characters. */
export function randomAnswer(rng: Rng, maxPieces: number): string {
  const length = rng.integer(0, maxPieces);
  let text = '';
  for (let i = 0; i < length; i++)
    text += rng.next() < 0.03 ? String.fromCharCode(rng.integer(0, 0xffff)) : rng.pick(pieces);
  return text;
}

/** Returns a real answer with a few characters deleted, doubled, swapped or overwritten. */
export function damagedAnswer(rng: Rng, answer: string): string {
  let text = answer;
  for (let i = rng.integer(1, 4); i > 0; i--) {
    const [a, b] = [rng.integer(0, text.length), rng.integer(0, text.length)].toSorted((x, y) => x - y) as [
      number,
      number,
    ];
    const kind = rng.integer(0, 3);
    if (kind === 0) text = text.slice(0, a) + text.slice(b);
    else if (kind === 1) text = text.slice(0, b) + text.slice(a);
    else if (kind === 2) text = text.slice(0, a) + rng.pick(pieces) + text.slice(a);
    else text = text.slice(0, a) + rng.pick(pieces) + text.slice(b);
  }
  return text.slice(0, 2000);
}

/** Inputs chosen to be expensive: cost must stay linear in their length. */
export const hostileInputs: readonly { readonly name: string; readonly text: string }[] = [
  { name: 'minus signs in prose', text: `so ${'- '.repeat(4000)}5` },
  { name: 'commands in a bracket', text: `so \\frac(${'\\ab'.repeat(2500)}` },
  { name: 'unclosed boxes', text: '\\boxed{'.repeat(20_000) },
  { name: 'closed boxes', text: '\\boxed{1}'.repeat(20_000) },
  { name: 'boxes in boxes', text: `${'\\boxed{'.repeat(1000)}1${'}'.repeat(1000)}` },
  { name: 'power tower', text: boxed('9^{9^{9^{9^{9}}}}') },
  { name: 'long power tower', text: boxed(`${'5^{'.repeat(55)}5${'}'.repeat(55)}`) },
  { name: 'plain power tower', text: boxed('9^9^9^9') },
  { name: 'tower of factorials', text: boxed(`9${'!'.repeat(100)}`) },
  { name: 'large factorial', text: boxed('100000!') },
  { name: 'factorial of a large number', text: boxed('(10^{10})!') },
  { name: 'sum of factorials', text: boxed(Array.from({ length: 150 }, () => '2000!').join('+')) },
  { name: 'product of factorials', text: boxed(Array.from({ length: 150 }, () => '2000!').join('*')) },
  { name: 'large binomial', text: boxed('\\binom{2000}{1000}\\cdot\\binom{100000}{50000}') },
  { name: 'long sum', text: boxed('\\sum_{k=1}^{1000000000} k^2') },
  { name: 'huge exponent', text: boxed('1e999999999') },
  { name: 'long digits', text: boxed('7'.repeat(990)) },
  { name: 'long digits divided', text: boxed(`${'7'.repeat(490)}/${'3'.repeat(490)}`) },
  { name: 'powers of long digits', text: boxed(`(${'7'.repeat(300)})^{40}+(${'3'.repeat(300)})^{40}`) },
  { name: 'many powers', text: boxed(Array.from({ length: 90 }, () => '2^{39000}').join('+')) },
  { name: 'many divisions', text: boxed(Array.from({ length: 230 }, (_, i) => `1/${i + 7}`).join('+')) },
  { name: 'deep brackets', text: boxed(`${'('.repeat(450)}1${')'.repeat(450)}`) },
  { name: 'deep fractions', text: boxed(`${'\\frac{1}{'.repeat(90)}2${'}'.repeat(90)}`) },
  { name: 'unclosed fractions', text: boxed('\\frac{'.repeat(150)) },
  { name: 'many bars', text: boxed('|'.repeat(900)) },
  { name: 'many signs', text: boxed(`${'-'.repeat(900)}1`) },
  { name: 'many plus-minus', text: boxed('\\pm 1'.repeat(180)) },
  { name: 'long list', text: boxed(Array.from({ length: 190 }, (_, i) => i).join(', ')) },
  {
    name: 'long list of roots',
    text: boxed(Array.from({ length: 100 }, (_, i) => `\\sqrt${i % 10}`).join(',')),
  },
  { name: 'many variables', text: boxed('abcdfghjkl'.repeat(90)) },
  { name: 'power of a sum', text: boxed('((((((x+y)^9+1)^9+1)^9+1)^9+1)^9+1)^9') },
  { name: 'matrix power', text: boxed('\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}'.repeat(24)) },
  { name: 'spaces', text: boxed(' '.repeat(900)) },
  { name: 'answer markers', text: 'the answer is '.repeat(2000) },
  { name: 'dollar signs', text: '$'.repeat(8000) },
  { name: 'half-open formulas', text: '\\( '.repeat(4000) },
  { name: 'digits', text: '1,000'.repeat(1600) },
  { name: 'long words', text: 'a'.repeat(8000) },
  { name: 'commas', text: boxed('1,'.repeat(490)) },
  { name: 'subscripts', text: boxed(`x${'_{x'.repeat(300)}`) },
  { name: 'one megabyte', text: 'x '.repeat(500_000) },
];

function boxed(text: string): string {
  return `\\boxed{${text}}`;
}
