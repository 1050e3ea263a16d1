import type { Problem } from '../../src/core/problem.ts';
import { createRng } from '../../src/core/rng.ts';
import type { Passage } from '../../src/retrieval/passage.ts';

/*
 * Worlds of made-up people, each with a number and a boss. Questions of one hop ask for a person's number, those of two
 * hops for the number of the boss. Only the passages contain the facts, so a model must search.
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

/** People in random order, each with a random number and boss. Every seed makes another world. */
export function makeWorld(seed: number): Person[] {
  const rng = createRng(seed, 'world');
  return rng.shuffle(names).map((name) => ({ name, number: rng.pick(numbers), boss: rng.pick(names) }));
}

/** One passage for each fact, titled by the person; words begin with their blank, as the tokens of the tiny model do. */
export const passagesOf = (people: readonly Person[]): Passage[] =>
  people.flatMap(({ name, number, boss }) => [
    { id: `${name}-num`, title: name, text: ` ${name} num ${number}` },
    { id: `${name}-boss`, title: name, text: ` ${name} boss ${boss}` },
  ]);

/** The questions about some people of a world, of one and of two hops. */
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
