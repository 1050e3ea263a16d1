import type { Command } from 'commander';
import { addKnowledgeBuildCommand } from './knowledge-build.ts';
import { addKnowledgeContextCommand } from './knowledge-context.ts';
import { addKnowledgeMeasureCommand } from './knowledge-measure.ts';
import { addRerankTrainCommand } from './knowledge-rerank-train.ts';
import { addKnowledgeSearchCommand } from './knowledge-search.ts';

/**
 * `gradus knowledge build|search|context|rerank-train|measure`: retrieves passages for prompts and measures their
 * benefit.
 */
export function addKnowledgeCommand(program: Command): void {
  const knowledge = program
    .command('knowledge')
    .description('index passages, put them into prompts, rerank and measure them');
  addKnowledgeBuildCommand(knowledge);
  addKnowledgeSearchCommand(knowledge);
  addKnowledgeContextCommand(knowledge);
  addRerankTrainCommand(knowledge);
  addKnowledgeMeasureCommand(knowledge);
}
