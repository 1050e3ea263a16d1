import type { Problem } from '../../src/core/problem.ts';
import { createRng } from '../../src/core/rng.ts';
import type { Passage } from '../../src/retrieval/passage.ts';
import { names, numbers } from '../search-model/world.ts';

/*
 * Worlds of made-up things with attributes. A passage gives one attribute of one thing. Questions use another word for the
 * attribute than passages do, so BM25 with the question finds the thing but not the attribute, and BM25 with the rationale
 * finds both. All words are tokens of `models/gradus-search`.
 */

/** An attribute: its word in passages, and its word in questions. */
interface Attribute {
  readonly stated: string;
  readonly asked: string;
}

/** A value of an attribute of a thing. */
export interface Fact {
  readonly thing: string;
  readonly attribute: Attribute;
  readonly value: string;
}

/** Attributes of each thing. */
const attributeCount = 6;

/** A world; training and held-out things are disjoint. */
export interface World {
  readonly train: readonly Fact[];
  readonly heldOut: readonly Fact[];
  /** One passage for each fact, in random order. */
  readonly passages: readonly Passage[];
}

/** Draws a world. Every seed gives different words, things and values. */
export function makeWorld(seed: number, things: { readonly train: number; readonly heldOut: number }): World {
  const rng = createRng(seed, 'kard-world');
  const words = rng.shuffle(names);
  const attributes = Array.from({ length: attributeCount }, (_, i) => ({
    stated: words[2 * i]!,
    asked: words[2 * i + 1]!,
  }));
  const facts = words
    .slice(2 * attributeCount, 2 * attributeCount + things.train + things.heldOut)
    .map((thing) => attributes.map((attribute) => ({ thing, attribute, value: rng.pick(numbers) })));
  const [train, heldOut] = [facts.slice(0, things.train).flat(), facts.slice(things.train).flat()];
  const passages = rng
    .shuffle([...train, ...heldOut])
    .map((fact) => ({ id: idOf(fact), text: statementOf(fact) }));
  return { train, heldOut, passages };
}

const idOf = ({ thing, attribute }: Fact): string => `${thing}-${attribute.stated}`;

/** Returns the sentence that states a fact; words include their leading space, like the model's tokens. */
export const statementOf = ({ thing, attribute, value }: Fact): string =>
  ` ${thing} ${attribute.stated} ${value}`;

/** Returns the question about a fact. */
export const problemOf = (fact: Fact): Problem => ({
  id: idOf(fact),
  domain: 'short-answer',
  family: fact.attribute.asked,
  prompt: [{ role: 'user', content: ` ${fact.thing} ${fact.attribute.asked}` }],
  answer: fact.value,
  source: 'generated',
});

/** Template that inserts passages into a prompt of the tiny model. */
export const contextTemplate = '<information>{passages}</information>{question}';
