import type {
  AnswersQuery,
  AnswersView as Data,
  AnswerSpan,
  CommonAnswer,
  ProblemAnswer,
} from '../../../../src/services/dashboard/views/texts/answers.ts';
import { useData } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { count, percent, signed } from '../../design/numbers.ts';
import { Badge, Card, Empty, Table, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { PromptBeginning } from '../../design/problem-name.tsx';
import { visible } from '../../design/visible.ts';
import { Link, useFilters } from '../../router.tsx';
import own from './answers.module.css';

/** The answers to a family or a domain over the run: the most common wrong answers, and each problem's first and latest answer. */
export function AnswersView({ folder }: { readonly folder: string }) {
  const [search] = useFilters();
  const query: AnswersQuery = Object.fromEntries(
    ['family', 'domain', 'suite'].flatMap((name) => (search.has(name) ? [[name, search.get(name)!]] : [])),
  );
  const { data, error } = useData(['run', folder, 'answers', query], (source) =>
    source.answers(folder, query),
  );
  if (data === undefined) return <Waiting error={error} what="the answers" />;
  const name = query.family ?? query.domain ?? 'all problems';
  const [first, last] = [data.spans[0], data.spans.at(-1)];
  return (
    <div className={styles.stack}>
      <div className={styles.spread}>
        <div>
          <h1>
            Answers to <InertLine text={name} max={80} />
          </h1>
          {first !== undefined && last !== undefined && (
            <p className={styles.soft}>
              {data.suite === null ? 'training' : `suite ${visible(data.suite)}`} · {rateOf(first)} correct at{' '}
              {stepsOf(first)} → {rateOf(last)} at {stepsOf(last)}
            </p>
          )}
        </div>
        <Link
          to={['runs', folder, 'rollouts']}
          query={{
            purpose: data.suite === null ? 'train' : 'evaluate',
            ...(query.family !== undefined && { family: query.family }),
            ...(query.domain !== undefined && { domain: query.domain }),
          }}
        >
          All groups
        </Link>
      </div>
      {first === undefined ? (
        <Empty>The run has no rollouts of these problems.</Empty>
      ) : (
        <>
          <Answers folder={folder} data={data} />
          <Problems folder={folder} data={data} />
        </>
      )}
    </div>
  );
}

const stepsOf = ({ fromStep, toStep }: AnswerSpan): string =>
  fromStep === toStep ? `step ${fromStep}` : `steps ${fromStep}–${toStep}`;
const rateOf = ({ correct, trials }: AnswerSpan): string => (trials === 0 ? '–' : percent(correct / trials));

function Answers({ folder, data: { spans, answers } }: { readonly folder: string; readonly data: Data }) {
  const [read, recorded] = [
    spans.reduce((sum, { trials }) => sum + trials, 0),
    spans.reduce((sum, one) => sum + one.recorded, 0),
  ];
  const part = read < recorded ? `; ${count(read)} of ${count(recorded)} rollouts read` : '';
  return (
    <Card title="Most common wrong answers" note={`share of the judged rollouts${part}`}>
      <Table
        name="Most common wrong answers"
        columns={['Answer', 'Verdict', ...spans.map(stepsOf), 'Example']}
      >
        <tr>
          <th scope="row">all correct answers</th>
          <td>
            <Badge word="correct" />
          </td>
          {spans.map((span) => (
            <td key={span.fromStep}>
              <ShareOf count={span.correct} span={span} />
            </td>
          ))}
          <td />
        </tr>
        {answers.map((one) => (
          <Row key={JSON.stringify([one.answer, one.outcome])} {...{ folder, spans, one }} />
        ))}
      </Table>
    </Card>
  );
}

function Row(props: {
  readonly folder: string;
  readonly spans: readonly AnswerSpan[];
  readonly one: CommonAnswer;
}) {
  const { folder, spans, one } = props;
  const { group, index } = one.example;
  return (
    <tr>
      <th scope="row" className={own.answer}>
        <Said answer={one} />
      </th>
      <td>
        <Badge word={one.outcome} />
      </td>
      {spans.map((span, at) => (
        <td key={span.fromStep}>
          <ShareOf count={one.counts[at]!} span={span} />
        </td>
      ))}
      <td className={styles.nowrap}>
        <Link to={['runs', folder, 'group', String(group)]} query={{ rollout: index }} isRow>
          open
        </Link>
      </td>
    </tr>
  );
}

/** A share as a bar and a number. */
function ShareOf({ count: given, span: { trials } }: { readonly count: number; readonly span: AnswerSpan }) {
  if (given === 0 || trials === 0) return <span className={styles.soft}>–</span>;
  return (
    <span className={own.share}>
      <meter className={own.meter} aria-hidden="true" max={trials} value={given} /> {percent(given / trials)}
    </span>
  );
}

/** An answer as code; a verdict's reason as text. */
function Said({ answer }: { readonly answer: { readonly answer: string; readonly isReason: boolean } }) {
  const text = <InertLine text={answer.answer === '' ? '(empty)' : answer.answer} max={120} />;
  return answer.isReason ? <span className={styles.soft}>{text}</span> : <code>{text}</code>;
}

function Problems({ folder, data: { problems, spans } }: { readonly folder: string; readonly data: Data }) {
  const ends = [spans[0]!, spans.at(-1)!].map((span) => `At ${stepsOf(span)}`);
  return (
    <Card title="Problems then and now" note="largest loss first; the most common answer each time">
      {problems.length === 0 ? (
        <Empty>No problem was answered at both ends of the run.</Empty>
      ) : (
        <Table name="Problems then and now" columns={['Problem', 'Gold', ...ends, 'Change, points']}>
          {problems.map(({ problemId, gold, first, last }) => (
            <tr key={problemId}>
              <th scope="row" className={own.problem}>
                <Link to={['runs', folder, 'problem', problemId]} isRow>
                  <InertLine text={problemId} max={50} />
                </Link>
                <div className={own.prompt}>
                  <PromptBeginning folder={folder} id={problemId} />
                </div>
              </th>
              <td className={own.answer}>{gold === null ? 'tests' : <InertLine text={gold} max={60} />}</td>
              <Once folder={folder} answer={first} />
              <Once folder={folder} answer={last} />
              <td className={styles.nowrap}>
                {signed(100 * (last.correct / last.trials - first.correct / first.trials), (points) =>
                  points.toFixed(0),
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}

function Once({ folder, answer }: { readonly folder: string; readonly answer: ProblemAnswer }) {
  const { group, index, correct, trials, isCorrect } = answer;
  return (
    <td className={own.answer}>
      <Link to={['runs', folder, 'group', String(group)]} query={{ rollout: index }}>
        <Said answer={answer} />
      </Link>
      <div className={styles.small}>
        {answer.count} of {trials} {isCorrect ? 'and correct' : `· ${correct} correct`}
      </div>
    </td>
  );
}
