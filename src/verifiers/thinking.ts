/** First characters of the markers that surround a model's thinking. */
const signs = ['<', '[', '◁'] as const;
/**
 * Matches the markers of DeepSeek-R1, Qwen3 and most other models, and of Seed-OSS, OpenThinker, gpt-oss, Magistral and
 * Kimi. A group captures only in closing markers.
 */
const mark =
  /<(?:(\/)?(?:think(?:ing)?|thought|reasoning|seed:think)|\|(?:begin|(end))_of_thought\||\|channel\|>(?:analysis|(final))<\|message\|)>|\[(\/)?THINK\]|◁(\/)?think▷/y;

/**
 * Returns the start of a completion's final answer: after the last thinking, or the end of the text if the thinking is
 * never closed, e.g. because of the token limit. A closing marker without an opening one also counts, because many
 * prompts end with the opening marker.
 */
export function answerStart(completion: string): number {
  let [start, isOpen] = [0, false];
  for (const sign of signs) {
    for (let at = completion.indexOf(sign); at >= 0; at = completion.indexOf(sign, at + 1)) {
      mark.lastIndex = at;
      const found = mark.exec(completion);
      if (found === null || mark.lastIndex <= start) continue;
      start = mark.lastIndex;
      isOpen = found.slice(1).every((closing) => closing === undefined);
    }
  }
  return isOpen ? completion.length : start;
}
