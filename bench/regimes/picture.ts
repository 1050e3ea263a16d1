import { writeFile } from 'node:fs/promises';
import type { Comparison } from './report.ts';

const [width, height, margin] = [720, 380, { left: 56, right: 16, top: 16, bottom: 48 }];
const colours: Readonly<Record<string, string>> = {
  auto: '#0b6bcb',
  mopps: '#b35900',
  thompson: '#7b3fb5',
  refills: '#a33',
};

/**
 * Draws the speed of every arm with several seeds against the share of live groups under uniform sampling: medians with
 * ranges, and, as hollow diamonds, the speed predicted from the live shares of `auto` (W1 of
 * docs/algorithms/staging-worth.md).
 */
export async function drawSpeeds(file: string, comparisons: readonly Comparison[]): Promise<void> {
  const shown = comparisons.filter(({ arm, seeds }) => arm in colours && seeds > 1);
  const most = Math.max(2, ...shown.flatMap(({ speeds }) => speeds));
  const x = (share: number): number => margin.left + share * (width - margin.left - margin.right);
  const y = (speed: number): number =>
    height - margin.bottom - (speed / most) * (height - margin.top - margin.bottom);
  const marks = shown.map((one) => pointOf(one, x, y)).join('\n');
  const predicted = shown
    .filter(({ arm }) => arm === 'auto')
    .map(({ live, expected }) => diamond(x(live[0]), y(expected)))
    .join('\n');
  const arms = [...new Set(shown.map(({ arm }) => arm))];
  const legend = [
    ...arms.map((arm) => [arm, colours[arm]!] as const),
    ['predicted for auto', '#333'] as const,
  ]
    .map(
      ([name, fill], i) =>
        `<text x="${width - 170}" y="${margin.top + 16 + 18 * i}" fill="${fill}">${name}</text>`,
    )
    .join('\n');
  await writeFile(
    file,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">
<rect width="${width}" height="${height}" fill="#fff"/>
${axes(x, y, most)}
${predicted}
${marks}
${legend}
</svg>
`,
  );
}

type Scale = (value: number) => number;

function pointOf({ row, arm, speed, speeds, live }: Comparison, x: Scale, y: Scale): string {
  const [colour, at] = [colours[arm]!, x(live[0]).toFixed(1)];
  const ends = [Math.min(...speeds), Math.max(...speeds)].map((end) => y(end).toFixed(1));
  return (
    `<line x1="${at}" x2="${at}" y1="${ends[0]}" y2="${ends[1]}" stroke="${colour}" stroke-width="1.5"/>` +
    `<circle cx="${at}" cy="${y(speed).toFixed(1)}" r="4" fill="${colour}"><title>${row}, ${arm}: ${speed.toFixed(2)}</title></circle>`
  );
}

const diamond = (x: number, y: number): string =>
  `<path d="M${(x - 6).toFixed(1)},${y.toFixed(1)}l6,-6l6,6l-6,6z" fill="none" stroke="#333"/>`;

function axes(x: Scale, y: Scale, most: number): string {
  const shares = [0, 0.2, 0.4, 0.6, 0.8, 1].map(
    (share) =>
      `<text x="${x(share)}" y="${height - margin.bottom + 18}" text-anchor="middle" fill="#333">${share}</text>`,
  );
  const speeds = Array.from({ length: Math.floor(most) + 1 }, (_, speed) => {
    const dash = speed === 1 ? '' : ' stroke-dasharray="2 4"';
    return (
      `<line x1="${x(0)}" x2="${x(1)}" y1="${y(speed)}" y2="${y(speed)}" stroke="#999"${dash}/>` +
      `<text x="${x(0) - 8}" y="${y(speed) + 4}" text-anchor="end" fill="#333">${speed} ×</text>`
    );
  });
  const label = 'share of groups with a signal under uniform sampling';
  return [
    ...speeds,
    ...shares,
    `<text x="${x(0.5)}" y="${height - 8}" text-anchor="middle" fill="#333">${label}</text>`,
  ].join('\n');
}
