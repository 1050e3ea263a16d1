import type { Command } from 'commander';
import { addCleaningCommands } from './data-clean.ts';
import { addDemonstrationsCommand } from './data-demonstrations.ts';
import { addDistilCommand } from './data-distil.ts';
import { addExportCommand } from './data-export.ts';
import { addImportCommand } from './data-import.ts';
import { addRationalesCommand } from './data-rationales.ts';
import { addRewordCommand } from './data-reword.ts';

/**
 * `gradus data import|check|dedup|decontaminate|reword|rationales|demonstrations|distil|export`: converts and cleans
 * problems, and makes examples.
 */
export function addDataCommand(program: Command): void {
  const data = program.command('data').description('import, clean and export problems');
  addImportCommand(data);
  addCleaningCommands(data);
  addRewordCommand(data);
  addRationalesCommand(data);
  addDemonstrationsCommand(data);
  addDistilCommand(data);
  addExportCommand(data);
}
