import type { ModelConfig, RopeScaling } from '../model-files/model-config.ts';

type RopeConfig = Pick<ModelConfig, 'headSize' | 'ropeTheta' | 'ropeScaling' | 'rotarySize'>;

/** Returns the angle per position, in radians, of each pair of a head's rotated elements. */
export function rotaryFrequencies({ headSize, rotarySize, ropeTheta, ropeScaling }: RopeConfig): number[] {
  const size = rotarySize ?? headSize;
  const plain = Array.from({ length: size / 2 }, (_, i) => ropeTheta ** ((-2 * i) / size));
  return ropeScaling === null
    ? plain
    : plain.map((frequency, i) => frequency * factorOf(ropeScaling, frequency, i));
}

/** Returns the angles per position for layers with a sliding window. */
export function localFrequencies(config: ModelConfig): number[] {
  const { localRopeTheta } = config;
  return localRopeTheta === undefined
    ? rotaryFrequencies(config)
    : rotaryFrequencies({ ...config, ropeTheta: localRopeTheta, ropeScaling: null });
}

/** Returns the factor by which the rotated elements of queries and keys are multiplied. */
export function rotaryScale({ ropeScaling }: Pick<ModelConfig, 'ropeScaling'>): number {
  return ropeScaling?.type === 'yarn' || ropeScaling?.type === 'longrope' ? ropeScaling.attentionFactor : 1;
}

/** Returns the factor by which the frequency of pair `i` is multiplied. */
function factorOf(scaling: RopeScaling, frequency: number, i: number): number {
  switch (scaling.type) {
    case 'linear':
      return 1 / scaling.factor;
    case 'longrope':
      return 1 / scaling.factors[i]!;
    case 'llama3': {
      // Divide slow angles by the factor, keep fast ones, and interpolate between them.
      const { lowFrequencyFactor: low, highFrequencyFactor: high } = scaling;
      const turns = (scaling.originalMaxPositions * frequency) / (2 * Math.PI);
      const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
      return kept + (1 - kept) / scaling.factor;
    }
    case 'yarn': {
      const { low, high, factor } = scaling;
      const slow = Math.min(1, Math.max(0, (i - low) / (high === low ? 0.001 : high - low)));
      return 1 - slow + slow / factor;
    }
  }
}
