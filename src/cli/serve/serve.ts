import type { Command } from 'commander';
import { addServeModelCommand } from './serve-model.ts';
import { addServeVerifierCommand } from './serve-verifier.ts';

/** `gradus serve model|verifier`: serves a model or verdicts to other programs. */
export function addServeCommand(program: Command): void {
  const serve = program.command('serve').description('serve a model or verdicts over HTTP');
  addServeModelCommand(serve);
  addServeVerifierCommand(serve);
}
