import type { Problem } from '../../src/core/problem.ts';
import { createRng } from '../../src/core/rng.ts';
import type { Passage } from '../../src/retrieval/passage.ts';

/*
 * Worlds of made-up people, each with a number and a boss. One-hop questions ask for a person's number, two-hop
 * questions for the number of the person's boss. Only the passages contain the facts, so a model must search.
 */

const syllables = 'ba ke di mo ru sa te li no pu ga ve zi fo hu ja we xi yo cu da le mi na po'.split(' ');

/** All 600 names, of two different syllables. */
export const names = syllables.flatMap((first) =>
  syllables.filter((second) => second !== first).map((second) => first + second),
);

/** All answers, from 00 to 99. */
export const numbers = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0'));

/** A person and their facts. */
export interface Person {
  readonly name: string;
  readonly number: string;
  readonly boss: string;
}

/** Draws people in random order, each with a random number and boss. Every seed gives a different world. */
export function makeWorld(seed: number): Person[] {
  const rng = createRng(seed, 'world');
  return rng.shuffle(names).map((name) => ({ name, number: rng.pick(numbers), boss: rng.pick(names) }));
}

/** Returns one passage for each fact, titled with the person's name; words include their leading space, like the tiny
 * model's tokens. */
export const passagesOf = (people: readonly Person[]): Passage[] =>
  people.flatMap(({ name, number, boss }) => [
    { id: `${name}-num`, title: name, text: ` ${name} num ${number}` },
    { id: `${name}-boss`, title: name, text: ` ${name} boss ${boss}` },
  ]);

/** Returns the one-hop and two-hop questions about some people of a world. */
export function questionsAbout(some: readonly Person[], world: readonly Person[]): Problem[] {
  const byName = new Map(world.map((person) => [person.name, person]));
  return some.flatMap(({ name, number, boss }) => [
    question(`${name}-1`, '1 hop', ` ${name} num`, number),
    question(`${name}-2`, '2 hops', ` ${name} boss num`, byName.get(boss)!.number),
  ]);
}

const question = (id: string, family: string, content: string, answer: string): Problem => ({
  id,
  domain: 'short-answer',
  family,
  prompt: [{ role: 'user', content }],
  answer,
  source: 'generated',
});
