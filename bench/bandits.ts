/**
 * Measures how algorithms explore bandits, and how fast a tiny model completes episodes:
 *
 *   npm run bench:bandits -- [--episodes 200] [--clone 300] [--json]
 *
 * Prints a table of algorithms over five kinds of bandits: regret with its 95 % t-interval, suffix failure with its
 * Wilson interval, coverage, greedy share and the verdict of the regret fit. Then a model of 0.34 million parameters is
 * trained to imitate UCB for `--clone` steps and plays 200 episodes of 60 turns. With `--json` the last line is JSON.
 */
import { parseArgs } from 'node:util';
import { alignColumns } from '../src/core/text/table.ts';
import type { Bandit } from '../src/core/bandit/bandit.ts';
import type { OracleName } from '../src/environments/bandit/oracles/create-oracle.ts';
import { playOracle } from '../src/environments/bandit/play-oracle.ts';
import { type Exploration, exploration } from '../src/evaluation/exploration/exploration.ts';
import { fitRegret } from './bandits/regret-fit.ts';
import { bandits, banditsConfig, drawBandits } from '../src/problems/bandit-source.ts';
import { playClone } from './bandits/clone.ts';

const { values: flags } = parseArgs({
  options: {
    episodes: { type: 'string', default: '200' },
    clone: { type: 'string', default: '300' },
    json: { type: 'boolean', default: false },
  },
});
const count = Number(flags.episodes);
const split = 'held-out' as const;

const settings: readonly { readonly name: string; readonly options: Parameters<typeof bandits>[0] }[] = [
  { name: '5 arms, gap 0.5, 200 turns', options: { count, arms: 5, gap: 0.5, turns: 200, split } },
  { name: '5 arms, gap 0.2, 200 turns', options: { count, arms: 5, gap: 0.2, turns: 200, split } },
  { name: '5 arms, gap 0.2, 1000 turns', options: { count, arms: 5, gap: 0.2, turns: 1000, split } },
  { name: '20 arms, gap 0.2, 1000 turns', options: { count, arms: 20, gap: 0.2, turns: 1000, split } },
  {
    name: '5 arms, Gaussian, 200 turns',
    options: { count, rewards: 'gaussian', arms: 5, turns: 200, split },
  },
  {
    name: '5 arms, 3 features, 200 turns',
    options: { count, rewards: 'contextual', arms: 5, deviation: 0.2, turns: 200, split },
  },
];

const figure = ({ mean, low, high }: Exploration['regret'], digits = 1): string =>
  `${mean.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
const percent = (share: number): string => `${Math.round(100 * share)} %`;

function describe(name: string, found: Exploration, verdict: string): string[] {
  const { regret, suffixFailure, coverage, greedyShare, lateRegret, missing } = found;
  const failure = `${percent(suffixFailure.mean)} [${percent(suffixFailure.low)}, ${percent(suffixFailure.high)}]`;
  return [
    name,
    figure(regret),
    failure,
    percent(coverage),
    greedyShare === undefined ? '–' : percent(greedyShare),
    lateRegret.mean.toFixed(2),
    percent(missing),
    verdict,
  ];
}
const header = ['', 'regret', 'suffix failure', 'coverage', 'greedy', 'late / random', 'missing', 'fit'];

const results: Record<string, Record<string, Exploration & { readonly fit: string }>> = {};
for (const { name, options } of settings) {
  const games = Array.from(
    drawBandits(banditsConfig.parse(bandits(options))),
    ({ extra }) => extra!['bandit'] as Bandit,
  );
  const players: OracleName[] = ['random', 'greedy', 'ucb', 'thompson'];
  if (options.rewards === 'contextual') players.push('lin-ucb');
  const rows = players.map((player) => {
    const episodes = games.map((game, seed) => playOracle(player, game, seed));
    const found = exploration(episodes);
    const { verdict, beta } = fitRegret(episodes, { seed: 0 });
    (results[name] ??= {})[player] = { ...found, fit: verdict };
    return describe(player, found, `${verdict}, β ${figure(beta, 3)}`);
  });
  console.log(`${name}\n${alignColumns([header, ...rows], { figuresFrom: 1 })}\n`);
}

const clone = await playClone({ steps: Number(flags.clone), episodes: 200, turns: 60 });
console.log(
  `clone of UCB, ${clone.parameters} parameters: 200 episodes × 60 turns in ${clone.seconds.toFixed(1)} s ` +
    `(trained ${flags.clone} steps in ${clone.trainingSeconds.toFixed(0)} s)`,
);
const rows = [
  describe('clone', clone.clone, ''),
  describe('ucb', clone.ucb, ''),
  describe('greedy', clone.greedy, ''),
];
console.log(alignColumns([header, ...rows], { figuresFrom: 1 }));
if (flags.json) console.log(JSON.stringify({ results, clone }));
