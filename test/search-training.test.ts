import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadRecipe } from '../src/recipe/load.ts';
import { bm25, openRetriever, retrieverConfig } from '../src/retrieval/open-retriever.ts';
import { runDigest } from './runs/run-digest.ts';
import { openRunReader } from '../src/runs/reading/run-reader.ts';
import { resumeTraining, startTraining } from '../src/training/start.ts';
import { makeFastFolder } from './runs/fast-folder.ts';

const root = makeFastFolder('search-training');
afterAll(() => rmSync(root, { recursive: true }));

/** Serves the passages of the recipe as Search-R1's retriever does. Queries for which `isDown` is true fail. */
async function serveFacts(isDown: (queries: number) => boolean = () => false) {
  const retriever = openRetriever(retrieverConfig.parse(bm25({ passages: 'facts.jsonl' })), 'recipes/search');
  let served = 0;
  const server = createServer((message, response) => {
    let text = '';
    message.on('data', (piece: Buffer) => (text += piece.toString()));
    const answer = async (): Promise<void> => {
      const { queries, topk } = JSON.parse(text) as { queries: string[]; topk: number };
      served += queries.length;
      if (isDown(served)) return void response.destroy();
      const lists = await Promise.all(queries.map((query) => retriever.search(query, topk)));
      const result = lists.map((list) =>
        list.map(({ id, text: contents, score }) => ({ document: { id, contents }, score })),
      );
      response.end(JSON.stringify({ result }));
    };
    message.on('end', () => void answer());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/retrieve`,
    served: () => served,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((done) => void server.close(() => done()));
    },
  };
}

/** Timeout long enough for busy machines. */
const slow = { timeout: 600_000 };

/** Returns the recipe with few steps and an HTTP retriever. */
const recipeOver = (url: string) =>
  loadRecipe('recipes/search/recipe.ts', [
    `policy.model=${join(process.cwd(), 'models/gradus-search')}`,
    `environments.short-answer.retriever=${JSON.stringify({ type: 'http-retriever', url, version: 'facts', maxAttempts: 1 })}`,
    'batch.problems=6',
    'batch.groupSize=4',
    'stages[0].maxSteps=1',
    'stages[1].maxSteps=3',
    'checkpoints.everySteps=3',
    'evaluation=[]',
  ]);

test(
  'if a retriever dies during training, attempts are ungradable and never wrong, and training continues',
  slow,
  async () => {
    const served = await serveFacts((queries) => queries > 12 && queries <= 40);
    try {
      const directory = await startTraining(await recipeOver(served.url), join(root, 'dying'));
      using run = await openRunReader(directory);
      expect(run.summary().status).toBe('finished');
      const rollouts = await run.rollouts(run.groups(), ['outcome', 'reason']);
      const ungradable = rollouts.filter(({ outcome }) => outcome === 'ungradable');
      expect(ungradable.length).toBeGreaterThan(0);
      expect(rollouts.length).toBeGreaterThan(ungradable.length);
      for (const { reason } of ungradable) expect(reason).toContain(served.url);
    } finally {
      await served.stop();
    }
  },
);

test('an interrupted run produces bit-identical results without its retriever', slow, async () => {
  const served = await serveFacts();
  let queries = 0;
  const recipe = await recipeOver(served.url);
  try {
    const calm = await startTraining(recipe, join(root, 'calm'));
    const broken = startTraining(recipe, join(root, 'broken'), {
      report: (event) => {
        // Step 4 is complete, but its checkpoint is not written.
        if (event.type === 'step' && event.step === 4) throw new Error('power cut');
      },
    });
    await expect(broken).rejects.toThrow('power cut');
    await served.stop();
    queries = served.served();
    const resumed = await resumeTraining(join(root, 'broken/search-0001'));
    expect(await runDigest(resumed)).toEqual(await runDigest(calm));
    expect(served.served()).toBe(queries);
  } finally {
    await served.stop().catch(() => undefined);
  }
});
