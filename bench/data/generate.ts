/**
 * Writes generated problems with known duplicates and contamination among them:
 * `node -C development bench/data/generate.ts <folder> <count>`. Runs in its own process, to keep its memory out of the measurement.
 */
import { join } from 'node:path';
import type { Problem } from '../../src/core/problem.ts';
import { createRng, type Rng } from '../../src/core/rng.ts';
import { generated, generatedConfig, generateProblems } from '../../src/problems/generated-source.ts';
import { problemLine } from '../../src/problems/output/problem-line.ts';
import { openLines } from '../../src/problems/output/text-file.ts';
import { reformat } from './plants.ts';

const [folder = '.', count = '10000'] = process.argv.slice(2);
const total = Number(count);
/** Shares of rows that respell an earlier row, repeat one with a changed word, or repeat an evaluation problem. */
const [respelledShare, nearShare, contaminatedShare] = [0.02, 0.01, 0.005];

const names = [
  'Ada',
  'Bela',
  'Chen',
  'Dina',
  'Emil',
  'Fatou',
  'Goran',
  'Hana',
  'Ines',
  'Jonas',
  'Kofi',
  'Lena',
];
const places = [
  'harbour',
  'market',
  'library',
  'workshop',
  'orchard',
  'station',
  'museum',
  'bakery',
  'school',
];
const things = ['ledger', 'map', 'recipe', 'timetable', 'notebook', 'diary', 'letter', 'poster', 'catalogue'];
const colours = ['red', 'green', 'blue', 'yellow', 'white', 'black', 'brown', 'grey', 'violet', 'orange'];
const words = ['reads', 'copies', 'checks', 'keeps', 'finds', 'sorts', 'folds', 'hides', 'shows', 'lends'];

/** Wraps a generated question in a story, so that texts have realistic lengths. */
function told({ prompt, ...problem }: Problem, rng: Rng, id: string): Problem {
  const [name, friend, place, thing, colour] = [names, names, places, things, colours].map((list) =>
    rng.pick(list),
  );
  const story =
    `${name} ${rng.pick(words)} a ${colour} ${thing} at the ${place} while ${friend} ${rng.pick(words)} the ` +
    `${rng.pick(colours)} ${rng.pick(things)} that ${rng.pick(names)} left near the ${rng.pick(places)}. On its ` +
    `${rng.pick(['first', 'last', 'inner', 'outer'])} page stands a question: ${prompt[0]!.content} What is the answer?`;
  return { ...problem, id, prompt: [{ role: 'user', content: story }] };
}

function* questions(split: 'train' | 'held-out', wanted: number): Generator<Problem> {
  yield* generateProblems(
    generatedConfig.parse(generated({ domain: 'math', count: wanted, split, seed: 1 })),
  );
}

const rng = createRng(1, 'bench-data');
const evaluation = [...questions('held-out', 2000)].map((problem, i) => told(problem, rng, `e${i}`));
const evaluationFile = openLines(join(folder, 'evaluation.jsonl'));
for (const problem of evaluation) evaluationFile.write(problemLine(problem));
await evaluationFile.close();

const withContent = (problem: Problem, id: string, content: string): Problem => ({
  ...problem,
  id,
  prompt: [{ role: 'user', content }],
});
const contentOf = (problem: Problem): string => problem.prompt[0]!.content;

const planted = { respelled: 0, near: 0, contaminated: 0 };
const recent: Problem[] = [];
const file = openLines(join(folder, 'raw.jsonl'));
let written = 0;
const write = (problem: Problem): void => {
  file.write(problemLine(problem));
  written++;
};
for (const question of questions(
  'train',
  Math.ceil(total * (1 - respelledShare - nearShare - contaminatedShare)),
)) {
  const problem = told(question, rng, `p${written}`);
  recent[rng.integer(0, 9999)] = problem;
  write(problem);
  const draw = rng.next();
  const earlier = recent[rng.integer(0, 9999)];
  if (earlier !== undefined && draw < respelledShare) {
    planted.respelled++;
    write(withContent(earlier, `respelled${written}`, reformat(contentOf(earlier))));
  } else if (earlier !== undefined && draw < respelledShare + nearShare) {
    planted.near++;
    write(
      withContent(earlier, `near${written}`, contentOf(earlier).replace(' page stands ', ' sheet stands ')),
    );
  } else if (draw < respelledShare + nearShare + contaminatedShare && draw > respelledShare + nearShare) {
    planted.contaminated++;
    const leaked = rng.pick(evaluation);
    write(withContent(leaked, `leaked${written}`, reformat(contentOf(leaked))));
  }
}
await file.close();
console.log(JSON.stringify({ written, evaluation: evaluation.length, planted }));
