import { join } from 'node:path';
import type { RunReader } from '../../runs/reading/run-reader.ts';
import { withRun } from './run-folder.ts';
import { runDetailView, type RunDetail } from './views/run-detail.ts';
import type { RunListItem } from './views/run-list.ts';

/** A gauge and its values. */
interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** Content type of `GET /metrics`: Prometheus's text format, version 0.0.4. */
export const prometheusType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Returns the progress, the metrics of the last step and the alerts of every running run, for Prometheus to scrape.
 * Omits finished runs, which no longer change.
 */
export async function prometheusText(root: string, runs: readonly RunListItem[], at: Date): Promise<string> {
  const live = runs.filter((run) => 'status' in run && run.status === 'running');
  const gauges = await Promise.all(
    live.map(({ folder }) => withRun(join(root, folder), (run) => gaugesOf(run, folder, at))),
  );
  const byName = Map.groupBy(gauges.flat(), ({ name }) => name);
  return Array.from(byName.values(), formatGauges).join('');
}

async function gaugesOf(run: RunReader, folder: string, at: Date): Promise<Gauge[]> {
  const detail = await runDetailView(run, { at, canPlay: false });
  const { head, now, alerts, evaluations } = detail;
  const of = (name: string, help: string, value: number | null, labels = {}): Gauge => ({
    name,
    help,
    samples: value === null ? [] : [{ labels: { run: folder, ...labels }, value }],
  });
  const last = new Map(evaluations.map(({ name, accuracy }) => [name, accuracy.mean]));
  return [
    of('gradus_step', 'Steps recorded.', head.step),
    of('gradus_max_steps', 'Upper bound of steps.', head.maxSteps),
    of('gradus_stage', 'Number of the current stage, from 1.', stageNumber(detail), {
      stage: now?.stage ?? '',
    }),
    of('gradus_last_step_seconds', 'Unix time of the last recorded step.', secondsOf(head.updatedAt)),
    ...Object.entries(run.metricsAt(head.step)).map(([metric, value]) =>
      of('gradus_metric', 'A metric of the last step; the label is its name in the run.', value, { metric }),
    ),
    ...Array.from(last, ([suite, accuracy]) =>
      of('gradus_accuracy', 'Accuracy in the last evaluation of a suite, in [0, 1].', accuracy, { suite }),
    ),
    ...alerts.map(({ id: alert, severity }) =>
      of('gradus_alert', '1 while the alert is active.', 1, { alert, severity }),
    ),
  ];
}

const stageNumber = ({ plan, now }: RunDetail): number | null =>
  now === null ? null : plan.findIndex(({ stage }) => stage === now.stage) + 1;

const secondsOf = (time: string | null): number | null => (time === null ? null : Date.parse(time) / 1000);

function formatGauges(gauges: readonly Gauge[]): string {
  const [{ name, help }] = gauges as [Gauge];
  const lines = gauges
    .flatMap(({ samples }) => samples)
    .map(({ labels, value }) => {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
      return `${name}{${pairs.join(',')}} ${value}\n`;
    });
  return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`;
}

/** Escapes a label value; names of stages and suites may contain any text. */
const escaped = (text: string): string =>
  text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
