/**
 * Returns the complexity C = d · log₂ Π (1 + |xᵢ|) of a question (DID, arXiv 2410.02892), where d is 1 + the depth of
 * its brackets and the xᵢ are the numbers in its text. DID assigns d to each template by hand; bracket depth can be
 * computed from the text. On published sets, C is barely correlated with the pass rate, less than the word count;
 * docs/difficulty.md gives the measurements.
 */
export function complexity(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const char of text) {
    if (char === '(' || char === '{' || char === '[') deepest = Math.max(deepest, ++depth);
    else if (char === ')' || char === '}' || char === ']') depth = Math.max(0, depth - 1);
  }
  const numbers = text.match(/\d{1,15}(\.\d{1,15})?/g) ?? [];
  return (1 + deepest) * numbers.reduce((sum, number) => sum + Math.log2(1 + Number(number)), 0);
}
