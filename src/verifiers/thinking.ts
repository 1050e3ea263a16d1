/** First characters of the marks around a model's thinking. */
const signs = ['<', '[', '◁'] as const;
/**
 * Marks of DeepSeek-R1, Qwen3 and most others, of Seed-OSS, of OpenThinker, of gpt-oss, of Magistral and of Kimi; a
 * closing one sets the first group.
 */
const mark =
  /<(?:(\/)?(?:think(?:ing)?|thought|reasoning|seed:think)|\|(?:begin|(end))_of_thought\||\|channel\|>(?:analysis|(final))<\|message\|)>|\[(\/)?THINK\]|◁(\/)?think▷/y;

/**
 * Returns where the final answer of a completion begins: after the last thinking, or at the end of the text if a thought is
 * never closed, e.g. when the token limit cut it off. A closing mark without an opening one counts too, because many
 * prompts end with the opening mark.
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
