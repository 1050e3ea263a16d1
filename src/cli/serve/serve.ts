import type { Command } from 'commander';
import { addServeModelCommand } from './serve-model.ts';
import { addServeVerifierCommand } from './serve-verifier.ts';

/** `gradus serve model|verifier`: parts of Gradus for other programs. */
export function addServeCommand(program: Command): void {
  const serve = program.command('serve').description('offer a part of Gradus over HTTP');
  addServeModelCommand(serve);
  addServeVerifierCommand(serve);
}
