import { ConfigError } from '../../core/errors.ts';

/** Fields of a request that `omit` can remove. */
export const optionalFields = [
  'temperature',
  'top_p',
  'top_k',
  'seed',
  'stop',
  'include_stop_str_in_output',
  'n',
  'logprobs',
  'return_token_ids',
  'stream_options',
  'continuous_usage_stats',
] as const;

/** One of {@link optionalFields}. */
export type OptionalField = (typeof optionalFields)[number];

/** A request's fields by name. */
export type Fields = Readonly<Record<string, unknown>>;

/** Values that are equivalent to an absent field in OpenAI's API. */
const defaults: Readonly<Record<string, number>> = { temperature: 1, top_p: 1, top_k: 0 };

/**
 * Removes fields that a server rejects.
 *
 * @throws ConfigError if a sampling field that would be removed has a value other than the default.
 */
export function leaveOut(body: Fields, omitted: ReadonlySet<OptionalField>): Fields {
  const kept: Record<string, unknown> = { ...body };
  for (const field of omitted) {
    if (body[field] !== undefined && field in defaults && body[field] !== defaults[field]) {
      throw new ConfigError(
        `${field}: expected ${defaults[field]}, since the model server refuses the field or the recipe omits it; ` +
          `got ${JSON.stringify(body[field])}`,
      );
    }
    delete kept[field];
  }
  const streaming = kept['stream_options'] as Fields | undefined;
  if (streaming !== undefined && omitted.has('continuous_usage_stats')) {
    const { continuous_usage_stats: _, ...others } = streaming;
    kept['stream_options'] = others;
  }
  return kept;
}

/** Fields that are omitted automatically if a server rejects them by name. `omit` is required to omit other fields. */
const negotiable: readonly OptionalField[] = [
  'continuous_usage_stats',
  'stream_options',
  'include_stop_str_in_output',
  'seed',
  'top_p',
  'temperature',
];

/**
 * Returns the first field of a rejected request that the server's message names and that can be omitted without effect;
 * undefined if there is none.
 */
export function refusedField(refusal: string, body: Fields): OptionalField | undefined {
  const sent = { ...body, ...(body['stream_options'] as Fields | undefined) };
  return negotiable.find((field) => field in sent && new RegExp(`\\b${field}\\b`).test(refusal));
}
