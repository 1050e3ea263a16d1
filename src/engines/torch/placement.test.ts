import { expect, test } from 'vitest';
import { torchConfig, type TorchOptions } from './config.ts';
import { placementOf } from './placement.ts';

const placed = (options: TorchOptions): string =>
  placementOf(torchConfig.parse({ ...options, type: 'torch' }));

test('placementOf describes where training and sampling run', () => {
  expect(placed({})).toBe(
    'training on the first GPU, else the processor, of this machine; sampling on the same devices',
  );
  expect(placed({ ranks: 8, vllm: { replicas: 2 } })).toBe(
    'training on 8 ranks of this machine (rank r on cuda:r, or all on the processor); ' +
      'sampling on 2 vLLM servers of this machine (server i on cuda:8 + i, or all on the processor)',
  );
  expect(placed({ ranks: 4, vllm: { replicas: 2, tensorParallel: 2 } })).toContain(
    'sampling on 2 vLLM servers of this machine (server i on 2 GPUs from cuda:4 + 2i, or all on the processor)',
  );
  expect(placed({ ranks: 16, cluster: {}, vllm: { replicas: ['http://a:8000', 'http://b:8000'] } })).toBe(
    'training on 16 ranks of the Ray cluster "auto", packed on as few nodes as possible; ' +
      'sampling on the vLLM servers http://a:8000, http://b:8000',
  );
  expect(placed({ tinker: { baseModel: 'Qwen/Qwen3-8B' } })).toBe(
    'training and sampling on a Tinker service: Qwen/Qwen3-8B, adapters of rank 32',
  );
});
