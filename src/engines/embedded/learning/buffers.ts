import type { ParameterEntry } from '../parameters.ts';
import { gradientPrefix } from './gradient-program.ts';

/** Returns the buffer with this name and length, which still has the content of its last use. */
export type Buffers = (name: string, length: number) => Float32Array;

/**
 * Creates buffers that are reused by name and grow when needed. Garbage collection would free buffers of this size too
 * late.
 */
export function createBuffers(): Buffers {
  const known = new Map<string, Float32Array>();
  return (name, length) => {
    const old = known.get(name);
    const buffer = old !== undefined && old.length >= length ? old : new Float32Array(length);
    known.set(name, buffer);
    return buffer.subarray(0, length);
  };
}

/** The gradients of some weights, in a buffer to which a program writes its outputs. */
export interface GradientOutputs {
  /** Views by output name. */
  readonly into: Readonly<Record<string, Float32Array>>;
  /** Adds the gradients to a vector in the order of `parameterLayout`. */
  addTo(gradient: Float32Array): void;
}

/** Lays out the gradients of weights end to end in one buffer. */
export function gradientOutputs(entries: readonly ParameterEntry[], buffers: Buffers): GradientOutputs {
  const buffer = buffers(
    'weights',
    entries.reduce((total, { length }) => total + length, 0),
  );
  let end = 0;
  const views = entries.map((entry) => ({ ...entry, view: buffer.subarray(end, (end += entry.length)) }));
  return {
    into: Object.fromEntries(views.map(({ name, view }) => [gradientPrefix + name, view])),
    addTo: (gradient) => {
      for (const { offset, length, view } of views) addTo(gradient.subarray(offset, offset + length), view);
    },
  };
}

/** Adds `part` to `total`, element by element in float32. */
export function addTo(total: Float32Array, part: Float32Array): void {
  for (let i = 0; i < total.length; i++) total[i] = total[i]! + part[i]!;
}
