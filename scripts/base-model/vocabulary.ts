/**
 * Vocabulary of the tiny model: one token per character of the families, and one per longer piece that always occurs
 * whole, so that a question with its answer is 15 to 50 tokens long. A piece's position is its token id.
 */
const special = ['<unk>', '</a>', '<q>', '<a>'];
const characters = [...' 0123456789+-*/%()=,;:?.<>}xyn'];
/** Pieces separated by bars, because spaces are part of the pieces. */
const mathPieces =
  '\\boxed{|=?|,x=?|gcd(|lcm(| base | to|how many | in |..| or |Ann has |Tom has | pens| eggs| bags of | bags|' +
  ', buys |, loses |. total?|. left?|. each?';
const codePieces =
  'f(|)=|/*|*/|x=>|(x,y)=>|x*x|x,y)|Math.max(|Math.min(|if | else | above | below |x: |add |subtract |multiply by |' +
  'from |, ';

/** All tokens in id order. */
export const vocabulary: readonly string[] = [
  ...special,
  ...characters,
  ...mathPieces.split('|'),
  ...codePieces.split('|'),
];

/** Special tokens: unknown text, end of an answer (and of text), question, answer. */
export const [unknownToken, endToken, questionToken, answerToken] = special as [
  string,
  string,
  string,
  string,
];
