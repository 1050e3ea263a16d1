import { execFileSync } from 'node:child_process';
import { findPython } from '../../src/engines/torch/python.ts';

// On small tensors, two threads wait for each other longer than one thread computes.
process.env['OMP_NUM_THREADS'] ??= '1';

const state = (code: string): boolean => {
  try {
    execFileSync(findPython(), ['-c', code], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Whether this machine can run the worker; otherwise tests that need it are skipped with a reason. */
export const hasTorch = state('import torch, numpy, safetensors');
/** Whether this machine can run the worker on a GPU. */
export const hasCuda = hasTorch && state('import torch; assert torch.cuda.is_available()');
