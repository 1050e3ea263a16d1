import { InertLine, InertText } from '../../design/inert-text.tsx';
import { Badge, Table } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { visible } from '../../design/visible.ts';
import { differenceOf } from './diff.ts';
import { normalisedOf, otherFacts, partsOf, type TestRow, testsOf, textOf } from './evidence.ts';
import own from './group.module.css';

type Evidence = Readonly<Record<string, unknown>>;

/** The evidence of a verdict: answer and gold, as written and normalised, the deciding rule, and results of tests. */
export function VerdictDiff({
  evidence,
  isOpen = false,
}: {
  readonly evidence: Evidence;
  readonly isOpen?: boolean;
}) {
  const tests = testsOf(evidence);
  const parts = partsOf(evidence);
  return (
    <div className={own.verdict}>
      <Answers evidence={evidence} />
      {tests !== undefined && <Tests key={String(isOpen)} {...tests} isOpen={isOpen} />}
      {parts !== undefined && (
        <Table name="Verifiers" columns={['Verifier', 'Verdict', 'Score', 'Weight', 'Reason']}>
          {parts.map(({ verifier, outcome, score, weight, reason }, index) => (
            <tr key={index}>
              <td>
                <InertLine text={verifier} />
              </td>
              <td>
                <Badge word={outcome} />
              </td>
              <td>{score}</td>
              <td>{weight}</td>
              <td>
                <InertLine text={reason} max={300} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      <OtherFacts evidence={evidence} />
    </div>
  );
}

function Answers({ evidence }: { readonly evidence: Evidence }) {
  const [extracted, gold] = [textOf(evidence['extracted']), textOf(evidence['gold'])];
  const [rule, foundBy, value] = [
    textOf(evidence['rule']),
    textOf(evidence['foundBy']),
    textOf(evidence['value']),
  ];
  const normal = normalisedOf(evidence);
  if (extracted === undefined && gold === undefined && rule === undefined) return null;
  return (
    <dl className={own.answers}>
      {extracted !== undefined && gold !== undefined ? (
        <Pair names={['Extracted', 'Gold']} left={extracted} right={gold} />
      ) : (
        <>
          <Fact name="Extracted" text={extracted ?? 'no answer found'} />
          {gold !== undefined && <Fact name="Gold" text={gold} />}
        </>
      )}
      {normal.answer !== undefined &&
        normal.gold !== undefined &&
        (normal.answer !== extracted || normal.gold !== gold) && (
          <Pair names={['Normalised', 'Gold, normalised']} left={normal.answer} right={normal.gold} />
        )}
      {value !== undefined && value !== normal.answer && <Fact name="Value" text={value} />}
      {rule !== undefined && <Fact name="Rule" text={rule} />}
      {foundBy !== undefined && <Fact name="Found by" text={foundBy} />}
    </dl>
  );
}

/** Two texts, one above the other, with their difference highlighted. */
function Pair(props: {
  readonly names: readonly [string, string];
  readonly left: string;
  readonly right: string;
}) {
  const { names, left, right } = props;
  const { before, after, ...differing } = differenceOf(left.slice(0, 2000), right.slice(0, 2000));
  const line = (middle: string, kind: 'removed' | 'added') => (
    <bdi className={styles.text}>
      {visible(before)}
      {middle !== '' && <mark className={own[kind]}>{visible(middle)}</mark>}
      {visible(after)}
    </bdi>
  );
  return (
    <>
      <dt>{names[0]}</dt>
      <dd>{line(differing.left, 'removed')}</dd>
      <dt>{names[1]}</dt>
      <dd>{line(differing.right, 'added')}</dd>
    </>
  );
}

/** A named value. */
function Fact({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <InertText text={text} />
      </dd>
    </>
  );
}

function Tests(props: {
  readonly rows: readonly TestRow[];
  readonly note: string;
  readonly isOpen: boolean;
}) {
  const { rows, note, isOpen } = props;
  return (
    <details open={isOpen}>
      <summary>Tests: {note}</summary>
      <Table name="Tests" columns={['#', 'Result', 'Input', 'Expected', 'Got', 'Error']}>
        {rows.map((row) => (
          <tr key={row.number}>
            <td>{row.number}</td>
            <td>
              <Badge word={row.status} />
            </td>
            {[row.input, row.expected, row.got, row.error].map((text, index) => (
              <td key={index} className={own.testCell}>
                {text === null ? '' : <InertText text={text} />}
              </td>
            ))}
          </tr>
        ))}
      </Table>
    </details>
  );
}

function OtherFacts({ evidence }: { readonly evidence: Evidence }) {
  const facts = otherFacts(evidence);
  if (facts.length === 0) return null;
  return (
    <details>
      <summary>More evidence</summary>
      <dl className={own.answers}>
        {facts.map(([name, text]) => (
          <Fact key={name} name={name} text={text} />
        ))}
      </dl>
    </details>
  );
}
