import type { Command } from 'commander';
import { addVerifyAuditCommand } from './verify-audit.ts';
import { addVerifyCodeCommand } from './verify-code.ts';
import { addVerifyCorrectionsCommand } from './verify-corrections.ts';
import { addVerifyMathCommand } from './verify-math.ts';

/** `gradus verify math|code|audit|corrections`: judges single answers, files of cases, and stored rollouts. */
export function addVerifyCommand(program: Command): void {
  const verify = program.command('verify').description('judge answers and programs, and explain the verdict');
  addVerifyMathCommand(verify);
  addVerifyCodeCommand(verify);
  addVerifyAuditCommand(verify);
  addVerifyCorrectionsCommand(verify);
}
