import type { RefObject } from 'react';
import { download, fileName } from '../design/download.ts';
import { chartCsv } from './chart-csv.ts';
import { chartSvg, pngOf } from './chart-image.ts';
import styles from './chart.module.css';
import type { NamedSeries } from './line-chart.tsx';
import type { StepAxis } from './step-axis.tsx';

/** Saves a chart as SVG or PNG, or all its data as CSV. */
export function SaveMenu(props: {
  readonly title: string;
  readonly series: readonly NamedSeries[];
  readonly axis: StepAxis;
  /** Element that contains the chart and its legend. */
  readonly element: RefObject<HTMLElement | null>;
}) {
  const { title, series, axis, element } = props;
  const drawn = (): string => {
    const colours = [...element.current!.querySelectorAll('i')].map((mark) => getComputedStyle(mark).color);
    const legend = series.map(({ name }, at) => ({ name, colour: colours[at] ?? 'currentColor' }));
    return chartSvg(element.current!.querySelector('svg')!, title, legend);
  };
  const saves = {
    SVG: () => download(fileName(title, 'svg'), new Blob([drawn()], { type: 'image/svg+xml' })),
    PNG: () => void pngOf(drawn()).then((image) => download(fileName(title, 'png'), image)),
    CSV: () => {
      const text = chartCsv(series, axis.unit?.name ?? 'step');
      download(fileName(title, 'csv'), new Blob([text], { type: 'text/csv' }));
    },
  };
  return (
    <details className={styles.save}>
      <summary aria-label={`Save ${title}`}>save</summary>
      {Object.entries(saves).map(([kind, save]) => (
        <button key={kind} type="button" onClick={save}>
          {kind}
        </button>
      ))}
    </details>
  );
}
