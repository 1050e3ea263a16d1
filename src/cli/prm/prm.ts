import type { Command } from 'commander';
import { addPrmExportCommand } from './prm-export.ts';
import { addPrmTrainCommand } from './prm-train.ts';

/** `gradus prm train|export`: makes a step scorer (process reward model) from rollouts, and labelled steps for other tools. */
export function addPrmCommand(program: Command): void {
  const prm = program.command('prm').description('train a step scorer (process reward model) on rollouts');
  addPrmTrainCommand(prm);
  addPrmExportCommand(prm);
}
