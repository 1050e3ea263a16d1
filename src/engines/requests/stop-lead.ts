/**
 * Returns the part of an unfinished message in which a stop string can begin: at most its last `reach` tokens, cut so
 * that they contain no stop string. A stop string from earlier must not end the text that is now being written.
 *
 * @param openTurn number of tokens of the policy's unfinished message at the end of `given`.
 * @param hasStop returns whether the text of these tokens contains a stop string.
 */
export function stopLead(
  given: Int32Array,
  openTurn: number,
  reach: number,
  hasStop: (tokens: Int32Array) => boolean,
): Int32Array {
  let lead = given.slice(given.length - Math.min(openTurn, reach));
  while (lead.length > 0 && hasStop(lead)) lead = lead.subarray(1);
  return lead;
}
