import { byteCount } from '../../src/core/text/byte-size.ts';
import { trainingMemory } from '../../src/engines/embedded/memory-budget.ts';
import type { SamplePrompt } from '../../src/engines/engine.ts';
import { openModelFolder } from '../../src/engines/model-files/model-folder.ts';
import { rendererOf } from '../../src/engines/model-files/renderer.ts';

/** A short training: `rows` answers of at most `maxTokens` to four prompts, within a budget. */
export interface MemoryPoint {
  /** Model folder. */
  readonly model: string;
  readonly rows: number;
  readonly maxTokens: number;
  readonly lanes: number;
  readonly memoryBudget: '512MiB' | '2GiB';
}

/** Returns the prompts of a point, of four lengths. */
export const promptsOf = ({ rows }: MemoryPoint): SamplePrompt[] =>
  [1, 2, 3, 4].map((repeats) => ({
    key: String(repeats),
    prompt: [{ role: 'user', content: 'How many of these numbers are even? '.repeat(repeats) }],
    count: rows / 4,
  }));

/** Returns the forecast of the memory of a point, in bytes. */
export async function forecastOf(point: MemoryPoint): Promise<number> {
  const { config, tokenizer } = await openModelFolder(point.model);
  const { render } = rendererOf(tokenizer);
  const lengths = promptsOf(point).map(({ prompt }) => render(prompt as Parameters<typeof render>[0]).length);
  const forecast = trainingMemory(config, {
    positions: Math.max(...lengths) + point.maxTokens,
    sequences: point.rows,
    requested: point.rows,
    isMultiTurn: false,
    slots: 64,
    runners: point.lanes,
    memoryBudgetBytes: byteCount(point.memoryBudget),
  });
  return Object.values(forecast).reduce((sum, part) => sum + part, 0);
}
