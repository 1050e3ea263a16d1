/** Names of a block's norms, as `[before, after]` for each half-block; `null`: no norm there. */
export interface BlockNorms {
  readonly attention: readonly [before: string | null, after: string | null];
  readonly feedForward: readonly [before: string | null, after: string | null];
}

/** The norms of Llama, which are the default. */
export const normsBefore: BlockNorms = {
  attention: ['input_layernorm', null],
  feedForward: ['post_attention_layernorm', null],
};
