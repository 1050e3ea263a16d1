import { execFileSync } from 'node:child_process';
import { findPython, hasNvidia } from '../../src/engines/torch/python.ts';

// On small tensors, two threads spend more time waiting for each other than one thread spends computing.
process.env['OMP_NUM_THREADS'] ??= '1';

const succeeds = (code: string): boolean => {
  try {
    execFileSync(findPython(), ['-c', code], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/**
 * True if this machine can run the worker; otherwise tests that need it are skipped with a reason. Looks for the
 * packages without importing them, because importing torch takes seconds in every test file.
 */
export const hasTorch = succeeds(
  'import importlib.util as u; assert all(map(u.find_spec, ["torch", "numpy", "safetensors"]))',
);
/** True if this machine can run the worker on a GPU. */
export const hasCuda = hasTorch && hasNvidia() && succeeds('import torch; assert torch.cuda.is_available()');
