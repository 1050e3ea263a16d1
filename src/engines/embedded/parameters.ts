import { createRng } from '../../core/rng.ts';
import { normsBefore } from '../model-files/block-norms.ts';
import type { ModelConfig } from '../model-files/model-config.ts';
import type { NamedTensor } from '../model-files/safetensors.ts';

/** One weight tensor within the flat vector of all weights, under its Hugging Face name. */
export interface ParameterEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** Index of the first element in the flat vector. */
  readonly offset: number;
  readonly length: number;
  /** Whether weight decay applies: to matrices, not to biases and norms. */
  readonly decay: boolean;
}

/** Position of every weight of a model in one `Float32Array`. Depends only on the config. */
export interface ParameterLayout {
  readonly entries: readonly ParameterEntry[];
  /** Total number of weights. */
  readonly length: number;
}

/**
 * Lays all weights of a model end to end, because training, optimizer state and checkpoints use one flat
 * vector. Projections keep Hugging Face's [output, input] orientation.
 */
export function parameterLayout(config: ModelConfig): ParameterLayout {
  const entries: ParameterEntry[] = [];
  let offset = 0;
  for (const [name, shape] of parameterShapes(config)) {
    const length = shape.reduce((product, size) => product * size, 1);
    entries.push({ name, shape, offset, length, decay: shape.length > 1 });
    offset += length;
  }
  return { entries, length: offset };
}

/** Returns the prefix of the names of a block's weights. */
export const layerPrefix = (layer: number): string => `model.layers.${layer}.`;

/** Splits a flat vector into one view per weight tensor, by name. */
export function tensorViews(
  { entries }: Pick<ParameterLayout, 'entries'>,
  flat: Float32Array,
  prefix = '',
): Record<string, Float32Array> {
  const view = (offset: number, length: number): Float32Array => flat.subarray(offset, offset + length);
  return Object.fromEntries(entries.map(({ name, offset, length }) => [prefix + name, view(offset, length)]));
}

/**
 * Lists the tensors of a checkpoint as views of the flat vector. Matrices that the checkpoint stores as one are
 * adjacent in the layout, so that one view covers the joined matrix.
 *
 * @param flat all weights, in the order of `parameterLayout`
 */
export function checkpointTensors(config: ModelConfig, flat: Float32Array): NamedTensor[] {
  const { entries } = parameterLayout(config);
  const storedName = ({ name }: ParameterEntry): string =>
    config.fusedProjections === true
      ? name.replace(/attn\.[qkv]_proj/, 'attn.qkv_proj').replace(/mlp\.(?:gate|up)_proj/, 'mlp.gate_up_proj')
      : name;
  return [...Map.groupBy(entries, storedName)].map(([name, parts]) => {
    const [first] = parts;
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const data = flat.subarray(first!.offset, first!.offset + length);
    return { name, shape: [rows, ...first!.shape.slice(1)], data };
  });
}

/**
 * Initialises weights for training from scratch: matrices are drawn from a normal distribution with standard deviation
 * 0.02, scaled by 1/√(2·layers) if they write into the residual stream (GPT-2); norms are 1 and biases 0. The weights
 * depend only on the config and the seed. The result is in shared memory, so that threads can read it.
 */
export function initialWeights(config: ModelConfig, seed: number): Float32Array {
  const { entries, length } = parameterLayout(config);
  const weights = new Float32Array(new SharedArrayBuffer(4 * length));
  for (const entry of entries) {
    const slice = weights.subarray(entry.offset, entry.offset + entry.length);
    if (entry.decay) fillNormal(slice, deviation(entry.name, config), seed, entry.name);
    else if (entry.name.endsWith('norm.weight')) slice.fill(config.normOffset === true ? 0 : 1);
  }
  return weights;
}

function parameterShapes(config: ModelConfig): [name: string, shape: number[]][] {
  const { hiddenSize, vocabSize, tieEmbeddings } = config;
  const shapes: [string, number[]][] = [['model.embed_tokens.weight', [vocabSize, hiddenSize]]];
  for (let layer = 0; layer < config.layers; layer++) {
    for (const [name, shape] of layerShapes(config)) shapes.push([layerPrefix(layer) + name, shape]);
  }
  shapes.push(['model.norm.weight', [hiddenSize]]);
  if (!tieEmbeddings) shapes.push(['lm_head.weight', [vocabSize, hiddenSize]]);
  return shapes;
}

function layerShapes(config: ModelConfig): [name: string, shape: number[]][] {
  const { hiddenSize, heads, keyValueHeads, headSize, intermediateSize, attentionBias, mlpBias } = config;
  const { attention, feedForward } = config.norms ?? normsBefore;
  const [querySize, keySize] = [heads * headSize, keyValueHeads * headSize];
  const norm = (name: string | null, size = hiddenSize): [string, number[]][] =>
    name === null ? [] : [[`${name}.weight`, [size]]];
  const linear = (name: string, [outputs, inputs]: [number, number], bias = false): [string, number[]][] => [
    [`${name}.weight`, [outputs, inputs]],
    ...(bias ? [[`${name}.bias`, [outputs]] satisfies [string, number[]]] : []),
  ];
  const isWhole = config.queryKeyNorm === 'projection';
  const normOf = (name: string, size: number): [string, number[]][] =>
    config.queryKeyNorm === undefined ? [] : norm(`self_attn.${name}_norm`, isWhole ? size : headSize);
  return [
    ...norm(attention[0]),
    ...linear('self_attn.q_proj', [querySize, hiddenSize], attentionBias),
    ...linear('self_attn.k_proj', [keySize, hiddenSize], attentionBias),
    ...linear('self_attn.v_proj', [keySize, hiddenSize], attentionBias),
    ...linear('self_attn.o_proj', [hiddenSize, querySize], config.outputBias),
    ...normOf('q', querySize),
    ...normOf('k', keySize),
    ...norm(attention[1]),
    ...norm(feedForward[0]),
    ...linear('mlp.gate_proj', [intermediateSize, hiddenSize], mlpBias),
    ...linear('mlp.up_proj', [intermediateSize, hiddenSize], mlpBias),
    ...linear('mlp.down_proj', [hiddenSize, intermediateSize], mlpBias),
    ...norm(feedForward[1]),
  ];
}

function deviation(name: string, config: ModelConfig): number {
  const writesResidual = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
  return writesResidual ? 0.02 / Math.sqrt(2 * config.layers) : 0.02;
}

/** Fills an array with normally distributed numbers times `scale` (Box–Muller, using both numbers of each pair). */
function fillNormal(target: Float32Array, scale: number, seed: number, name: string): void {
  const rng = createRng(seed, 'initial-weights', name);
  for (let i = 0; i < target.length; i += 2) {
    const radius = scale * Math.sqrt(-2 * Math.log(1 - rng.next()));
    const angle = 2 * Math.PI * rng.next();
    target[i] = radius * Math.cos(angle);
    if (i + 1 < target.length) target[i + 1] = radius * Math.sin(angle);
  }
}
