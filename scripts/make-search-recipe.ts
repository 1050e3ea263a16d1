/**
 * Writes the passages and problems of `recipes/search`: a world of 600 people, 450 of them to train on and 50 held out.
 *
 *   node scripts/make-search-recipe.ts
 */
import { writeFileAtomic } from '../src/storage/atomic.ts';
import { makeWorld, passagesOf, questionsAbout } from './search-model/world.ts';

const folder = 'recipes/search';
const write = (name: string, rows: readonly object[]): Promise<void> =>
  writeFileAtomic(`${folder}/${name}`, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

const world = makeWorld(0);
await write('facts.jsonl', passagesOf(world));
await write('train.jsonl', questionsAbout(world.slice(0, 450), world));
await write('held-out.jsonl', questionsAbout(world.slice(-50), world));
