import type { Group } from '../../../../src/services/dashboard/views/rollouts/groups.ts';
import type { RolloutLine } from '../../../../src/services/dashboard/views/rollouts/rollouts.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { rate, short, signed } from '../../design/numbers.ts';
import { Badge } from '../../design/parts.tsx';
import { OutcomeBar } from '../../design/outcome-bar.tsx';
import { ProblemName } from '../../design/problem-name.tsx';
import { type Column, LongTable, type Sorted } from './long-table.tsx';

interface TableProps<T> {
  readonly folder: string;
  readonly rows: readonly T[];
  readonly more: (() => void) | undefined;
  readonly sorted: Sorted;
}

const stepColumn: Column<Pick<Group, 'step'>> = {
  name: 'Step',
  sort: 'step',
  width: '3.5rem',
  cell: ({ step }) => step,
};
const stageColumn: Column<Pick<Group, 'stage'>> = {
  name: 'Stage',
  width: '7.5rem',
  isWide: true,
  cell: ({ stage }) => <InertLine text={stage} max={18} />,
};

/** The table of groups. */
export function GroupTable({ folder, rows, more, sorted }: TableProps<Group>) {
  const columns: readonly Column<Group>[] = [
    stepColumn,
    stageColumn,
    {
      name: 'Problem',
      sort: 'problem',
      width: 'minmax(9rem, 1fr)',
      cell: ({ id, problemId }) => (
        <ProblemName folder={folder} id={problemId} to={['runs', folder, 'group', String(id)]} />
      ),
    },
    {
      name: 'Level',
      width: '8rem',
      isWide: true,
      cell: ({ level }) => (level === null ? '–' : <InertLine text={level} max={18} />),
    },
    {
      name: 'Pass rate',
      sort: 'rate',
      width: '8.6rem',
      cell: ({ correct, trials }) => rate(correct, trials),
    },
    {
      name: 'Verdicts',
      width: '8rem',
      isWide: true,
      cell: ({ outcomes }) => <OutcomeBar outcomes={outcomes} />,
    },
    {
      name: 'Reward',
      sort: 'reward',
      width: '5rem',
      cell: ({ meanReward }) => (meanReward === null ? '–' : short(meanReward)),
    },
    { name: 'Tokens', sort: 'tokens', width: '5rem', cell: ({ meanTokens }) => short(meanTokens) },
    {
      name: 'Flags',
      width: '4rem',
      isWide: true,
      cell: ({ suspicious }) => (suspicious === 0 ? '' : <Badge word="warning">{suspicious}</Badge>),
    },
  ];
  return <LongTable name="Groups of rollouts" {...{ columns, rows, more, sorted }} keyOf={({ id }) => id} />;
}

/** The table of single rollouts; each links to its group. */
export function RolloutTable({ folder, rows, more, sorted }: TableProps<RolloutLine>) {
  const columns: readonly Column<RolloutLine>[] = [
    stepColumn,
    stageColumn,
    {
      name: 'Problem',
      sort: 'problem',
      width: 'minmax(9rem, 1fr)',
      cell: ({ group, index, problemId }) => (
        <ProblemName
          folder={folder}
          id={problemId}
          before={`#${index + 1}`}
          to={['runs', folder, 'group', String(group)]}
          query={{ rollout: index }}
          max={50}
        />
      ),
    },
    { name: 'Verdict', sort: 'score', width: '8rem', cell: ({ outcome }) => <Badge word={outcome} /> },
    {
      name: 'Reward',
      sort: 'reward',
      width: '5rem',
      cell: ({ reward }) => (reward === null ? '–' : short(reward)),
    },
    {
      name: 'Advantage',
      sort: 'advantage',
      width: '6rem',
      isWide: true,
      cell: ({ advantage }) => (advantage === null ? '–' : signed(advantage, short)),
    },
    { name: 'Tokens', sort: 'tokens', width: '5rem', cell: ({ tokens }) => tokens },
    { name: 'Finish', width: '5rem', isWide: true, cell: ({ finishReason }) => finishReason },
    {
      name: 'Reason',
      width: 'minmax(8rem, 1fr)',
      isWide: true,
      cell: ({ flags, reason }) => (
        <>
          {flags.map((flag) => (
            <Badge key={flag} word="warning">
              {flag}
            </Badge>
          ))}{' '}
          <InertLine text={reason} max={120} />
        </>
      ),
    },
  ];
  return (
    <LongTable
      name="Single rollouts"
      {...{ columns, rows, more, sorted }}
      keyOf={({ group, index }) => `${group}-${index}`}
    />
  );
}
