import type { JsonObject } from '../json-file.ts';
import type { WritableTensor } from '../safetensors.ts';
import { architectureOf } from './gguf-config.ts';
import type { GgufFile } from './gguf-file.ts';

/** Names of a layer's tensors in GGUF and in Hugging Face folders. */
const layerNames: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  attn_output: 'self_attn.o_proj',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

const modelNames: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

/**
 * Lists the tensors of a GGUF file under their Hugging Face names; a tensor is read only when it is about to be
 * written.
 */
export function tensorsFromGguf(file: GgufFile, config: JsonObject): WritableTensor[] {
  const isInterleaved = architectureOf(file) === 'llama';
  return [...file.tensors].flatMap(([stored, { shape }]) => {
    const name = hubName(stored);
    if (name === null) return [];
    const heads = isInterleaved ? headsOf(name, config) : null;
    const data = async (): Promise<Float32Array> => {
      const values = await file.read(stored);
      return heads === null ? values : splitPairs(values, heads, shape);
    };
    return [{ name, shape, data }];
  });
}

/**
 * Returns the Hugging Face name of a tensor; `null` for a tensor that a model folder does not contain, such as
 * `rope_freqs.weight`.
 */
function hubName(stored: string): string | null {
  const found = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(stored);
  if (found === null) return modelNames[stored] ?? null;
  const name = layerNames[found[2]!];
  return name === undefined ? null : `model.layers.${found[1]}.${name}.${found[3]}`;
}

function headsOf(name: string, config: JsonObject): number | null {
  if (name.includes('self_attn.q_proj')) return config['num_attention_heads'] as number;
  return name.includes('self_attn.k_proj') ? (config['num_key_value_heads'] as number) : null;
}

/**
 * Reorders the rows of q and k: GGUF files of the Llama architecture keep the two elements that rotate together next to
 * each other; Hugging Face keeps them half a head apart.
 */
function splitPairs(values: Float32Array, heads: number, shape: readonly number[]): Float32Array {
  const rows = shape[0]!;
  const [size, width] = [rows / heads, values.length / rows];
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const [head, within] = [Math.floor(row / size), row % size];
    const target = head * size + (within % 2) * (size / 2) + (within >> 1);
    result.set(values.subarray(row * width, (row + 1) * width), target * width);
  }
  return result;
}
