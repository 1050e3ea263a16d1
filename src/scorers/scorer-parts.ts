import type { Problem } from '../core/problem.ts';
import type { Renderer } from '../engines/engine.ts';
import type { Verifier } from '../verifiers/verifier.ts';

/** Resources that scorers are opened with. */
export interface ScorerParts {
  readonly verifierFor: (problem: Problem) => Verifier;
  /** Renderer of the policy whose attempts are scored. Absent: only the verifier can score. */
  readonly renderer?: Renderer | undefined;
  /** Base folder of relative paths. Default: the working directory. */
  readonly baseDir?: string | undefined;
}
