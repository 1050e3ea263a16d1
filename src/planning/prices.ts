import { readFile } from 'node:fs/promises';
import { parse as parseToml } from 'smol-toml';
import * as z from 'zod';
import { ConfigError } from '../core/errors.ts';
import { parseConfig } from '../recipe/parse-config.ts';
import { type RunPlan, totalOf } from './plan.ts';

/** Price of the machine that a run uses. */
const pricesSchema = z.strictObject({ currency: z.string().min(1), perHour: z.number().nonnegative() });

/** See {@link pricesSchema}. */
export type Prices = z.infer<typeof pricesSchema>;

/**
 * Reads prices from a TOML or JSON file: `currency = "EUR"`, `perHour = 3.5`.
 *
 * @throws ConfigError if the file cannot be read, or if a field is unknown or missing.
 */
export async function readPrices(file: string): Promise<Prices> {
  let value: unknown;
  try {
    const text = await readFile(file, 'utf8');
    value = file.endsWith('.json') ? JSON.parse(text) : parseToml(text);
  } catch (cause) {
    throw new ConfigError(
      `${file}: expected prices in TOML or JSON, e.g. currency = "EUR" and perHour = 3.5 (${String(cause)})`,
      { cause },
    );
  }
  return parseConfig(pricesSchema, value, file);
}

/** Adds the cost to a plan whose time is known. */
export function withCost(plan: RunPlan, { currency, perHour }: Prices): RunPlan {
  const seconds = totalOf(plan)?.seconds;
  if (seconds === undefined) return plan;
  const cost = (time: number): number => (time / 3600) * perHour;
  const total = { low: cost(seconds.low), expected: cost(seconds.expected), high: cost(seconds.high) };
  return { ...plan, cost: { currency, perHour, total } };
}
