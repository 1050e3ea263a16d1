import type { ScreenState } from './screen-state.ts';

/** A line of the screen: the history of a metric and its last value. */
export interface Figure {
  readonly label: string;
  readonly values: readonly number[];
  /** The last value, with its unit. */
  readonly value: string;
  readonly note: string;
}

/** Returns a line for each main metric that was measured. */
export function figuresOf(series: ScreenState['series']): Figure[] {
  const figure = (name: string, more: Omit<Figure, 'values'>): Figure[] =>
    series[name] === undefined ? [] : [{ values: series[name].values, ...more }];
  const last = (name: string): number | undefined => series[name]?.values.at(-1);
  const plain = (name: string, label: string): Figure[] => {
    const [first, now] = [series[name]?.values[0], last(name)];
    if (first === undefined || now === undefined) return [];
    return figure(name, { label, value: now.toFixed(3), note: `from ${first.toFixed(3)}` });
  };
  const matching = (shape: RegExp): [string, string][] =>
    Object.keys(series).flatMap((name) => {
      const word = shape.exec(name)?.[1];
      return word === undefined ? [] : [[name, word] as [string, string]];
    });
  const domains = matching(/^reward\/(.+)\/mean$/);
  return [
    ...plain('reward/mean', 'reward'),
    ...(domains.length > 1 ? domains.flatMap(([name, word]) => plain(name, `  ${word}`)) : []),
    ...matching(/^level\/(.+)\/passRate$/).flatMap(([name, word]) => plain(name, `pass ${word}`)),
    ...figure('group/zeroAdvantage', {
      label: 'no signal',
      value: percent(last('group/zeroAdvantage')),
      note: `all solved ${percent(last('group/solved'))}, none ${percent(last('group/unsolved'))}`,
    }),
    ...figure('rollout/length/mean', {
      label: 'length',
      value: (last('rollout/length/mean') ?? 0).toFixed(0),
      note: `tokens; p95 ${(last('rollout/length/p95') ?? 0).toFixed(0)}, truncated ${percent(last('rollout/truncated'))}`,
    }),
    ...plain('policy/entropy', 'entropy'),
    ...plain('optim/gradNorm', 'gradient'),
    ...figure('throughput/sampledTokensPerSecond', {
      label: 'tokens/s',
      value: Math.round(last('throughput/sampledTokensPerSecond') ?? 0).toLocaleString('en'),
      note: `writing ${seconds(last('time/rollout'))}, learning ${seconds(last('time/learn'))}`,
    }),
  ];
}

const percent = (share: number | undefined): string =>
  share === undefined ? '–' : `${(100 * share).toFixed(0)} %`;
const seconds = (value: number | undefined): string => (value === undefined ? '–' : `${value.toFixed(1)} s`);
