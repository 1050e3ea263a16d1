import type * as z from 'zod';

/** A schema such as `z.literal('rloo')`. */
interface Literal {
  readonly value: string;
}

/** Schema of a recipe entry: an object whose `type` is a literal, or a literal with a default. */
interface NounSchema extends z.ZodType<unknown, { readonly type?: string | undefined }> {
  readonly shape: { readonly type: Literal | { unwrap(): Literal } };
}

/** Function that builds a recipe entry. The options may be omitted if the schema requires none. */
type NounBuilder<Input> =
  {} extends Omit<Input, 'type'>
    ? (options?: Omit<Input, 'type'>) => Input
    : (options: Omit<Input, 'type'>) => Input;

/**
 * Creates the function that builds a recipe entry, such as `rloo()`, from the entry's schema. The function takes the
 * schema's fields other than `type` as options, and adds `type`. It validates nothing; the complete recipe is validated
 * when it is defined.
 *
 * @example
 * const rlooConfig = z.strictObject({ type: z.literal('rloo'), temperature: z.number().default(1) });
 * const rloo = noun(rlooConfig);
 * rloo({ temperature: 0.6 }); // { type: 'rloo', temperature: 0.6 }
 */
export function noun<Schema extends NounSchema>(schema: Schema): NounBuilder<z.input<Schema>> {
  const field = schema.shape.type;
  const { value: type } = 'unwrap' in field ? field.unwrap() : field;
  return (options?: object) => ({ type, ...options }) as z.input<Schema>;
}
