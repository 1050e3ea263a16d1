import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../storage/atomic.ts';
import { planSchema, type RunPlan } from './plan.ts';

/** Plan of a run within its directory. Its figures depend on the machine and on earlier runs; nothing compares them. */
const planFile = (directory: string): string => join(directory, 'plan.json');

/** Keeps the plan with the run. */
export async function writePlan(directory: string, plan: RunPlan): Promise<void> {
  await writeFileAtomic(planFile(directory), `${JSON.stringify(plan, null, 2)}\n`);
}

/** Reads the plan that a run began with; `undefined` for runs without a readable one. */
export async function readPlan(directory: string): Promise<RunPlan | undefined> {
  try {
    return planSchema.safeParse(JSON.parse(await readFile(planFile(directory), 'utf8'))).data;
  } catch {
    return undefined;
  }
}
