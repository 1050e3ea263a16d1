import { outcomes, type Verdict } from '../../core/verdict.ts';

/** Counters of a verifier service, for Prometheus. */
export interface ServiceMetrics {
  /** Returns the number of items that were accepted and not yet answered. */
  waiting(): number;
  /** Counts a request. Call the returned function with the verdicts when the request ends. */
  begin(items: number): (verdicts: readonly Verdict[]) => void;
  /** Formats all counters in Prometheus's text format. */
  text(): string;
}

/** Creates counters at zero. */
export function createServiceMetrics(): ServiceMetrics {
  const verdictsBy = new Map<string, number>(outcomes.map((outcome) => [outcome, 0]));
  const counts = { waiting: 0, requests: 0, seconds: 0 };
  return {
    waiting: () => counts.waiting,
    begin(items) {
      const started = performance.now();
      counts.waiting += items;
      return (verdicts) => {
        counts.waiting -= items;
        counts.requests++;
        counts.seconds += (performance.now() - started) / 1000;
        for (const { outcome } of verdicts) verdictsBy.set(outcome, verdictsBy.get(outcome)! + 1);
      };
    },
    text: () =>
      [
        '# TYPE gradus_verdicts_total counter',
        ...Array.from(verdictsBy, ([outcome, n]) => `gradus_verdicts_total{outcome="${outcome}"} ${n}`),
        '# TYPE gradus_items_waiting gauge',
        `gradus_items_waiting ${counts.waiting}`,
        '# TYPE gradus_request_seconds summary',
        `gradus_request_seconds_sum ${counts.seconds}`,
        `gradus_request_seconds_count ${counts.requests}`,
        '',
      ].join('\n'),
  };
}
