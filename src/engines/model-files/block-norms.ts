/** Names of a block's norms, `[before, after]` each half-block; `null`: no norm there. */
export interface BlockNorms {
  readonly attention: readonly [before: string | null, after: string | null];
  readonly feedForward: readonly [before: string | null, after: string | null];
}

/** Norms of Llama, the default. */
export const normsBefore: BlockNorms = {
  attention: ['input_layernorm', null],
  feedForward: ['post_attention_layernorm', null],
};
