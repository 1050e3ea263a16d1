import type { Command } from 'commander';
import { addServeVerifierCommand } from './serve-verifier.ts';

/** `gradus serve verifier`: parts of Gradus for other programs. */
export function addServeCommand(program: Command): void {
  const serve = program.command('serve').description('offer a part of Gradus over HTTP');
  addServeVerifierCommand(serve);
}
