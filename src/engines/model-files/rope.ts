import type { Family } from './families.ts';
import type { KeyReader } from './key-reader.ts';
import type { ModelConfig, RopeScaling } from './model-config.ts';

type Rope = Pick<
  ModelConfig,
  'ropeTheta' | 'ropeScaling' | 'localRopeTheta' | 'unrotatedLayers' | 'rotarySize' | 'maxPositions'
>;

/**
 * Reads the settings of the rotary embedding: `rope_theta` and `rope_scaling` from transformers 4, or `rope_parameters`
 * from transformers 5. `dynamic` scaling has no effect within `max_position_embeddings`, the maximum sequence length in
 * Gradus. Scalings that depend on a sequence's length beyond the original context (LongRoPE, Ministral 3) limit the
 * longest sequence to that context.
 */
export function parseRope(keys: KeyReader, family: Family, layers: number, headSize: number): Rope {
  const stated = keys.object('rope_parameters');
  const parameters = stated?.object('full_attention') ?? stated;
  const scaling = parameters ?? keys.object('rope_scaling');
  const ropeTheta = (parameters?.has('rope_theta') === true ? parameters : keys).positive(
    'rope_theta',
    10_000,
  );
  const share = (parameters?.has('partial_rotary_factor') === true ? parameters : keys).positive(
    'partial_rotary_factor',
    1,
  );
  const rotarySize = Math.floor(headSize * share);
  if (rotarySize !== headSize && family.longRope !== true) keys.only('partial_rotary_factor', 1);
  if (rotarySize !== headSize && rotarySize % 2 !== 0)
    keys.refuse('partial_rotary_factor', 'a factor that rotates an even number of elements of a head');
  const maxPositions = keys.count('max_position_embeddings');
  const read =
    scaling === null ? { scaling: null } : parseScaling(scaling, keys, { family, rotarySize, ropeTheta });
  return {
    ropeTheta,
    ropeScaling: read.scaling,
    localRopeTheta:
      family.localRope === true ? localTheta(keys, stated?.object('sliding_attention')) : undefined,
    unrotatedLayers: family.unrotatedLayers === true ? unrotated(keys, layers) : undefined,
    rotarySize: rotarySize === headSize ? undefined : rotarySize,
    maxPositions: read.positions?.(maxPositions) ?? maxPositions,
  };
}

interface ParsedScaling {
  readonly scaling: RopeScaling | null;
  /** Returns the maximum sequence length, given `max_position_embeddings`. */
  readonly positions?: (max: number) => number;
}

interface ScalingContext {
  readonly family: Family;
  readonly rotarySize: number;
  readonly ropeTheta: number;
}

function parseScaling(scaling: KeyReader, keys: KeyReader, context: ScalingContext): ParsedScaling {
  const typeKey = scaling.has('rope_type') ? 'rope_type' : 'type';
  if (context.family.longRope === true) {
    const type = scaling.oneOf(typeKey, ['default', 'longrope', 'su', 'yarn'], 'default');
    return type === 'default' ? { scaling: null } : longRope(scaling, keys, context);
  }
  const type = scaling.oneOf(typeKey, ['default', 'linear', 'dynamic', 'yarn', 'llama3'], 'default');
  switch (type) {
    case 'default':
      return { scaling: null };
    case 'dynamic':
      scaling.positive('factor');
      return { scaling: null };
    case 'linear':
      return { scaling: { type, factor: scaling.positive('factor') } };
    case 'llama3':
      return {
        scaling: {
          type,
          factor: scaling.positive('factor'),
          lowFrequencyFactor: scaling.positive('low_freq_factor'),
          highFrequencyFactor: scaling.positive('high_freq_factor'),
          originalMaxPositions: scaling.count('original_max_position_embeddings'),
        },
      };
    case 'yarn':
      return yarn(scaling, keys, context);
  }
}

/** Reads the settings of YaRN (Peng et al. 2023, 2309.00071), with the defaults of transformers. */
function yarn(scaling: KeyReader, keys: KeyReader, { rotarySize, ropeTheta }: ScalingContext): ParsedScaling {
  const max = keys.count('max_position_embeddings');
  const original = scaling.count('original_max_position_embeddings', max);
  const factor = scaling.positive('factor', max / original);
  // Returns the element whose angle makes this number of turns over the original context.
  const elementOf = (turns: number): number =>
    (rotarySize * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(ropeTheta));
  const isWhole = scaling.flag('truncate', true);
  const [low, high] = [
    elementOf(scaling.positive('beta_fast', 32)),
    elementOf(scaling.positive('beta_slow', 1)),
  ];
  const [from, to] = isWhole ? [Math.floor(low), Math.ceil(high)] : [low, high];
  const temper = (mscale: number): number => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1);
  const [mscale, mscaleAll] = [scaling.optional('mscale'), scaling.optional('mscale_all_dim')];
  const inferred =
    mscale !== undefined && mscaleAll !== undefined ? temper(mscale) / temper(mscaleAll) : temper(1);
  return {
    scaling: {
      type: 'yarn',
      factor,
      low: Math.max(from, 0),
      high: Math.min(to, rotarySize - 1),
      attentionFactor: scaling.optional('attention_factor') ?? inferred,
    },
    // Ministral 3 scales queries beyond the original context. Qwen2.5 gives the original context as its maximum.
    positions: (stated) =>
      scaling.has('llama_4_scaling_beta')
        ? Math.min(stated, original)
        : Math.max(stated, Math.floor(original * factor)),
  };
}

function longRope(scaling: KeyReader, keys: KeyReader, { rotarySize }: ScalingContext): ParsedScaling {
  const max = keys.count('max_position_embeddings');
  const original = keys.count('original_max_position_embeddings');
  const factor = scaling.positive('factor', max / original);
  const inferred = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  return {
    scaling: {
      type: 'longrope',
      factors: scaling.numbers('short_factor', rotarySize / 2),
      attentionFactor: scaling.optional('attention_factor') ?? inferred,
    },
    positions: (stated) => Math.min(stated, original),
  };
}

function localTheta(keys: KeyReader, local: KeyReader | null | undefined): number {
  if (local === null || local === undefined) return keys.positive('rope_local_base_freq');
  local.only('rope_type', 'default');
  return local.positive('rope_theta', keys.positive('rope_local_base_freq'));
}

function unrotated(keys: KeyReader, layers: number): readonly number[] | undefined {
  const interval = keys.count('no_rope_layer_interval');
  const isRotated = keys.has('no_rope_layers')
    ? keys.choices('no_rope_layers', layers, [0, 1])
    : Array.from({ length: layers }, (_, layer) => Number((layer + 1) % interval !== 0));
  const found = isRotated.flatMap((rotates, layer) => (rotates === 0 ? [layer] : []));
  return found.length === 0 ? undefined : found;
}
