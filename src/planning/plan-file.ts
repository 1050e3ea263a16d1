import { readFile } from 'node:fs/promises';
import { runLayout } from '../runs/files/layout.ts';
import { writeFileAtomic } from '../storage/atomic.ts';
import { planSchema, type RunPlan } from './plan.ts';

/**
 * Stores the plan in the run directory. No check compares its values, because they depend on the machine and on
 * earlier runs.
 */
export async function writePlan(directory: string, plan: RunPlan): Promise<void> {
  await writeFileAtomic(runLayout(directory).plan, `${JSON.stringify(plan, null, 2)}\n`);
}

/** Reads the plan with which a run began; `undefined` for runs without a readable plan. */
export async function readPlan(directory: string): Promise<RunPlan | undefined> {
  try {
    return planSchema.safeParse(JSON.parse(await readFile(runLayout(directory).plan, 'utf8'))).data;
  } catch {
    return undefined;
  }
}
