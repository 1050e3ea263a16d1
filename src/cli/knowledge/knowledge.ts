import type { Command } from 'commander';
import { addKnowledgeBuildCommand } from './knowledge-build.ts';
import { addKnowledgeSearchCommand } from './knowledge-search.ts';

/** `gradus knowledge build|search`: indexes passages and searches them. */
export function addKnowledgeCommand(program: Command): void {
  const knowledge = program.command('knowledge').description('index passages, and search an index');
  addKnowledgeBuildCommand(knowledge);
  addKnowledgeSearchCommand(knowledge);
}
