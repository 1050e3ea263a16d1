import type { Problem } from '../core/problem.ts';
import type { Renderer } from '../engines/engine.ts';
import type { Verifier } from '../verifiers/verifier.ts';

/** Resources with which scorers are opened. */
export interface ScorerParts {
  readonly verifierFor: (problem: Problem) => Verifier;
  /** Renderer of the policy whose attempts are scored. Without it, only the verifier can score. */
  readonly renderer?: Renderer | undefined;
  /** Folder against which relative paths are resolved. Default: the working directory. */
  readonly baseDir?: string | undefined;
}
