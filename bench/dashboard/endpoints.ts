import { readFileSync } from 'node:fs';
import { createRng } from '../../src/core/rng.ts';
import { quantile } from '../../src/statistics/summary.ts';

/** Latencies of one endpoint in milliseconds, over requests with different parameters. */
export interface EndpointTimes {
  readonly endpoint: string;
  readonly first: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  /** CPU time of the server per request, which does not depend on other work on the machine. */
  readonly cpu: number;
  /** Size of the largest response. */
  readonly kilobytes: number;
}

const requests = 40;

/** Requests every endpoint of a dashboard for a run, one request after another. */
export async function timeEndpoints(
  { url, pid }: { url: string; pid: number },
  run: string,
  steps: number,
): Promise<EndpointTimes[]> {
  const rng = createRng(0, 'endpoints');
  const problems = await idsOf(url, run);
  const step = (): number => rng.integer(1, steps);
  const one = <T>(values: readonly T[]): T => values[rng.integer(0, values.length - 1)]!;
  const range = (): string => {
    const [from, to] = [step(), step()].toSorted((a, b) => a - b);
    return `fromStep=${from}&toStep=${to}`;
  };
  const names = (): string => Array.from({ length: 12 }, () => `name=bench/m${rng.integer(0, 97)}`).join('&');
  const stage = (): string => `stage=stage-${rng.integer(1, 20)}`;
  const direction = (): string => `order=${one(['asc', 'desc'])}`;
  const base = `runs/${run}`;
  const asked: Readonly<Record<string, () => string>> = {
    runs: () => 'runs',
    run: () => base,
    notes: () => `${base}/notes`,
    'metrics, 12 full series': () => `${base}/metrics?${names()}`,
    'metrics, 12 in a range': () => `${base}/metrics?${names()}&from=${step()}`,
    facets: () => `${base}/facets`,
    groups: () =>
      `${base}/groups?sort=${one(['recorded', 'step', 'rate', 'reward', 'tokens'])}&${direction()}`,
    'groups, filtered': () =>
      `${base}/groups?${range()}&solved=${one(['none', 'some', 'all'])}&level=${one(['easy', 'hard'])}&sort=rate&${direction()}`,
    'groups, by rollout': () =>
      `${base}/groups?outcome=${one(['timeout', 'incorrect'])}&minTokens=${rng.integer(0, 6)}&sort=tokens`,
    rollouts: () => `${base}/rollouts?sort=${one(['recorded', 'step', 'reward', 'tokens'])}&${direction()}`,
    'rollouts, filtered': () =>
      `${base}/rollouts?${stage()}&outcome=${one(['correct', 'unparsed'])}&finish=length&sort=tokens`,
    'rollouts, suspicious': () => `${base}/rollouts?suspicious=true&sort=score`,
    group: () => `${base}/groups/${rng.integer(1, 5 * steps)}`,
    'problems, worst of a stage': () => `${base}/problems?${stage()}&purpose=train&limit=20`,
    'problems, all': () => `${base}/problems?sort=${one(['rate', 'trials', 'lastStep'])}&${direction()}`,
    problem: () => `${base}/problem?id=${encodeURIComponent(one(problems))}`,
    'answers of a family': () => `${base}/answers?family=${one(['addition', 'division', 'sequences'])}`,
    'prompts, 40': () =>
      `${base}/prompts?${Array.from({ length: 40 }, () => `id=${encodeURIComponent(one(problems))}`).join('&')}`,
    search: () => `${base}/search?text=boxed+${rng.integer(0, 99)}&outcome=${one(['correct', 'timeout'])}`,
    progress: () => `${base}/progress`,
    levels: () => `${base}/levels?by=${one(['level', 'family', 'domain'])}`,
    curriculum: () => `${base}/curriculum`,
    compare: () => `compare?before=${run}&after=${run}`,
  };
  const times: EndpointTimes[] = [];
  for (const [endpoint, path] of Object.entries(asked))
    times.push(await timeOne({ url, pid }, endpoint, path));
  return times;
}

async function timeOne(
  { url, pid }: { url: string; pid: number },
  endpoint: string,
  path: () => string,
): Promise<EndpointTimes> {
  const times: number[] = [];
  let bytes = 0;
  const before = processorMs(pid);
  for (let n = 0; n < requests; n++) {
    const address = new URL(`api/${path()}`, url);
    const started = performance.now();
    const response = await fetch(address);
    const body = await response.arrayBuffer();
    times.push(performance.now() - started);
    if (!response.ok)
      throw new Error(
        `${address.href}: expected success, got HTTP ${response.status} ${Buffer.from(body).toString()}`,
      );
    bytes = Math.max(bytes, body.byteLength);
  }
  return {
    endpoint,
    first: times[0]!,
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    max: Math.max(...times),
    cpu: (processorMs(pid) - before) / requests,
    kilobytes: bytes / 1000,
  };
}

/** Returns the CPU time of a process since its start, from Linux's /proc, which counts in centiseconds. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

async function idsOf(url: string, run: string): Promise<string[]> {
  const response = await fetch(new URL(`api/runs/${run}/problems?limit=500`, url));
  const { rows } = (await response.json()) as { rows: { problemId: string }[] };
  return rows.map(({ problemId }) => problemId);
}
