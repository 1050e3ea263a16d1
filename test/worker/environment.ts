import { execFileSync } from 'node:child_process';
import { findPython } from '../../src/engines/torch/python.ts';

// On tensors as small as tests have, two threads wait for each other longer than one computes.
process.env['OMP_NUM_THREADS'] ??= '1';

const state = (code: string): boolean => {
  try {
    execFileSync(findPython(), ['-c', code], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Whether this machine can run the worker; tests that need it are skipped, and say so, where it cannot. */
export const hasTorch = state('import torch, numpy, safetensors');
/** Whether it can run it on a GPU. */
export const hasCuda = hasTorch && state('import torch; assert torch.cuda.is_available()');
