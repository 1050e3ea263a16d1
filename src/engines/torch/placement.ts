import type { TorchConfig } from './config.ts';

/**
 * Describes, for a dry run, the machines and devices on which training and sampling will run.
 *
 * @example
 * placementOf(torchConfig.parse({ type: 'torch', ranks: 2, vllm: { replicas: 2 } }));
 * // 'training on 2 ranks of this machine (rank r on cuda:r, or all on the processor); sampling on 2 vLLM servers …'
 */
export function placementOf(config: TorchConfig): string {
  const { tinker } = config;
  return tinker === undefined
    ? `training ${trainersOf(config)}; sampling ${samplersOf(config)}`
    : `training and sampling on a Tinker service: ${tinker.baseModel}, adapters of rank ${tinker.rank}`;
}

function trainersOf({ ranks, cluster, device, ...where }: TorchConfig): string {
  if (cluster !== undefined)
    return `on ${ranks} ranks of the Ray cluster "${cluster.address}", packed on as few nodes as possible`;
  if (ranks === 1)
    return `on ${device === 'auto' ? 'the first GPU, else the processor,' : device} of ${machineOf(where)}`;
  return `on ${ranks} ranks of ${machineOf(where)} (rank r on cuda:r, or all on the processor)`;
}

function samplersOf({ ranks, vllm, ...where }: TorchConfig): string {
  if (vllm === undefined) return 'on the same devices';
  const { replicas, tensorParallel: gpus } = vllm;
  if (typeof replicas !== 'number') return `on the vLLM servers ${replicas.join(', ')}`;
  const own = gpus === 1 ? `cuda:${ranks} + i` : `${gpus} GPUs from cuda:${ranks} + ${gpus}i`;
  return `on ${replicas} vLLM servers of ${machineOf(where)} (server i on ${own}, or all on the processor)`;
}

const machineOf = ({ remote }: Pick<TorchConfig, 'remote'>): string => remote ?? 'this machine';
