import { sum } from '../../../src/statistics/summary.ts';
import type { LevelFlow } from '../../../src/services/dashboard/views/level-flows.ts';

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Width of a level's bar. */
  readonly bar: number;
}

/** A level at one selection, as a bar. */
interface Node {
  readonly key: string;
  readonly stage: string;
  readonly level: string;
  readonly problems: number;
  readonly series: number;
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

/** The problems that moved from one bar to another. */
interface Ribbon {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly problems: number;
  readonly series: number;
  readonly path: string;
}

const gap = 6;

/** Places levels as bars, one column per selection, and ribbons between them. Heights are proportional to problems. */
export function placeFlows(flows: readonly LevelFlow[], box: Box): { nodes: Node[]; ribbons: Ribbon[] } {
  const stages = [...new Set(flows.flatMap(({ fromStage, toStage }) => [fromStage, toStage]))];
  const levels = [...new Set(flows.flatMap(({ from, to }) => [from, to]))].toSorted(
    (a, b) => Number(a === '') - Number(b === ''),
  );
  const columns = stages.map((stage) => sizesOf(stage, levels, flows));
  const most = Math.max(1, ...columns.map((sizes) => sum(sizes.map(([, size]) => size))));
  const scale = Math.max(0, box.bottom - box.top - gap * levels.length) / most;
  const nodes = columns.flatMap((sizes, column) => {
    let y = box.top;
    return sizes.map(([level, problems]): Node => {
      const stage = stages[column]!;
      const height = problems * scale;
      const x = box.left + ((box.right - box.left - box.bar) * column) / Math.max(1, stages.length - 1);
      const node = {
        key: `${stage}\n${level}`,
        stage,
        level,
        problems,
        series: levels.indexOf(level),
        x,
        y,
        height,
      };
      y += height + gap;
      return node;
    });
  });
  return { nodes, ribbons: ribbonsOf(flows, nodes, { scale, bar: box.bar }) };
}

/**
 * Returns the sizes of levels at a stage: the larger of inflow and outflow, because the first and last stages have only
 * one.
 */
function sizesOf(stage: string, levels: readonly string[], flows: readonly LevelFlow[]): [string, number][] {
  return levels.flatMap((level): [string, number][] => {
    const total = (isOne: (flow: LevelFlow) => boolean): number =>
      sum(flows.filter(isOne).map(({ problems }) => problems));
    const into = total((flow) => flow.toStage === stage && flow.to === level);
    const out = total((flow) => flow.fromStage === stage && flow.from === level);
    const size = Math.max(into, out);
    return size === 0 ? [] : [[level, size]];
  });
}

function ribbonsOf(
  flows: readonly LevelFlow[],
  nodes: readonly Node[],
  { scale, bar }: { scale: number; bar: number },
): Ribbon[] {
  const byKey = new Map(nodes.map((node) => [node.key, node]));
  const order = new Map(nodes.map((node, index) => [node.key, index]));
  const left = new Map<string, number>();
  const right = new Map<string, number>();
  const keysOf = (flow: LevelFlow) =>
    [`${flow.fromStage}\n${flow.from}`, `${flow.toStage}\n${flow.to}`] as const;
  const sorted = flows.toSorted((a, b) => {
    const [[fromA, toA], [fromB, toB]] = [keysOf(a), keysOf(b)];
    return order.get(fromA)! - order.get(fromB)! || order.get(toA)! - order.get(toB)!;
  });
  return sorted.map((flow) => {
    const [fromKey, toKey] = keysOf(flow);
    const [from, to] = [byKey.get(fromKey)!, byKey.get(toKey)!];
    const height = flow.problems * scale;
    const [y0, y1] = [from.y + (left.get(fromKey) ?? 0), to.y + (right.get(toKey) ?? 0)];
    left.set(fromKey, y0 - from.y + height);
    right.set(toKey, y1 - to.y + height);
    const [x0, x1] = [from.x + bar, to.x];
    const middle = (x0 + x1) / 2;
    const path = `M${x0},${y0}C${middle},${y0} ${middle},${y1} ${x1},${y1}V${y1 + height}C${middle},${y1 + height} ${middle},${y0 + height} ${x0},${y0 + height}Z`;
    return {
      key: `${fromKey}\n${toKey}`,
      from: flow.from,
      to: flow.to,
      problems: flow.problems,
      series: from.series,
      path,
    };
  });
}
