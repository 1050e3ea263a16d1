/**
 * `npm run bench:step -- [--models 0.3m,5m] [--python PATH]`: measures one whole GRPO step (roll, judge, learn) of Gradus.
 * With a Python that has torch, transformers and TRL, it also measures TRL's GRPOTrainer and a plain PyTorch loop, with the
 * same model, prompts, lengths and threads. Contenders take turns, so that other load on the machine affects all of
 * them; only ratios within one run are meaningful. On a busy machine compare CPU seconds, with `--threads 1`, because PyTorch threads
 * spin while they wait for each other. The last line is JSON.
 *
 *   --models      0.3m (the demo's), 5m (4.8 million, random), 135m (models/smollm2, see docs/real-model.md), or model
 *                 folders; for 135m add --prompts 2 --group 4 --tokens 64 --steps 1 --turns 3
 *   --contenders  any of embedded, torch, embedded-ahead, torch-ahead, loop, trl
 *
 *   --reward      answer or coin; default: answer for 0.3m, coin for others, which would have no reward to learn from
 *
 * `…-ahead` samples one batch during the turns of other contenders, so use long turns (--steps 20) to compare
 * it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { quantile } from '../src/statistics/summary.ts';
import { type Contender, type MeasuredTurn, startContender } from './step/turns.ts';
import { type Workload, writeWorkload } from './step/workload.ts';

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: '0.3m' },
    contenders: { type: 'string' },
    python: { type: 'string' },
    prompts: { type: 'string', default: '32' },
    group: { type: 'string', default: '8' },
    tokens: { type: 'string', default: '32' },
    threads: { type: 'string', default: '2' },
    turns: { type: 'string', default: '5' },
    steps: { type: 'string', default: '4' },
    reward: { type: 'string' },
  },
});
const names = (
  values.contenders ?? (values.python === undefined ? 'embedded' : 'embedded,torch,loop,trl')
).split(',');
const shape = {
  prompts: Number(values.prompts),
  groupSize: Number(values.group),
  maxTokens: Number(values.tokens),
  threads: Number(values.threads),
  stepsPerTurn: Number(values.steps),
  turns: Number(values.turns),
};
const file = (name: string): string => fileURLToPath(new URL(`step/${name}`, import.meta.url));

function commandOf(name: string, work: Workload): readonly string[] {
  const job = JSON.stringify(work);
  if (name === 'loop' || name === 'trl') return [resolve(values.python!), file('peer.py'), name, job];
  return [process.execPath, '-C', 'development', file('gradus.ts'), job, name];
}

const results: Record<string, ReturnType<typeof summarise>> = {};
for (const model of values.models.split(',')) {
  const folder = await mkdtemp(join(tmpdir(), 'gradus-bench-step-'));
  const contenders: Contender[] = [];
  try {
    const reward = z.enum(['answer', 'coin']).parse(values.reward ?? (model === '0.3m' ? 'answer' : 'coin'));
    const work = await writeWorkload(model, folder, { ...shape, reward });
    for (const name of names) contenders.push(await startContender(name, commandOf(name, work), work));
    const turns = new Map<string, MeasuredTurn[]>(names.map((name) => [name, []]));
    for (let turn = 0; turn < shape.turns; turn++)
      for (const contender of contenders) turns.get(contender.name)!.push(await contender.turn());
    results[model] = summarise(turns);
    console.log(
      `${model}: ${shape.prompts} × ${shape.groupSize} rollouts of ≤ ${shape.maxTokens} tokens, reward: ${reward}`,
    );
    console.table(results[model]);
  } finally {
    for (const contender of contenders) contender[Symbol.dispose]();
    await rm(folder, { recursive: true, force: true });
  }
}
console.log(JSON.stringify({ shape, results }));

/**
 * Returns each contender's median step time and phases, and the last contender's wall-clock and CPU time divided by its
 * own.
 */
function summarise(turns: ReadonlyMap<string, readonly MeasuredTurn[]>) {
  const last = [...turns.values()].at(-1)!;
  return Object.fromEntries(
    Array.from(turns, ([name, own]) => {
      const round = (value: number, digits = 3): number => Number(value.toFixed(digits));
      const medianOf = (of: (turn: MeasuredTurn, at: number) => number): number => quantile(own.map(of), 0.5);
      const phases = Object.keys(own[0]!.phases).map((phase) => [
        phase,
        round(medianOf((turn) => turn.phases[phase]!)),
      ]);
      const spent = (turn: MeasuredTurn): number =>
        Object.values(turn.phases).reduce((sum, seconds) => sum + seconds, 0);
      const ratios = own.map((turn, at) => last[at]!.seconds / turn.seconds);
      return [
        name,
        {
          seconds: round(medianOf((turn) => turn.seconds)),
          ...(Object.fromEntries(phases) as Record<string, number>),
          other: round(medianOf((turn) => turn.seconds - spent(turn))),
          tokens: Math.round(medianOf((turn) => turn.tokens)),
          peakMiB: own.at(-1)!.peakMiB,
          [`times ${[...turns.keys()].at(-1)!}`]: round(quantile(ratios, 0.5), 2),
          cpuSeconds: round(medianOf((turn) => turn.cpuSeconds)),
          cpuRatio: round(
            quantile(
              own.map((turn, at) => last[at]!.cpuSeconds / turn.cpuSeconds),
              0.5,
            ),
            2,
          ),
          range: `${round(Math.min(...ratios), 2)}–${round(Math.max(...ratios), 2)}`,
        },
      ];
    }),
  );
}
