import { usePrompt } from '../data/use-prompt.ts';
import { Link } from '../router.tsx';
import { InertLine } from './inert-text.tsx';
import styles from './parts.module.css';

/** Shows the id of a problem as a link, by default to its page, and the beginning of its prompt. */
export function ProblemName(props: {
  readonly folder: string;
  readonly id: string;
  /** Text before the id, such as `#2`. */
  readonly before?: string;
  readonly to?: readonly string[];
  readonly query?: Readonly<Record<string, string | number>>;
  readonly max?: number;
}) {
  const { folder, id, before, to = ['runs', folder, 'problem', id], query = {}, max = 60 } = props;
  return (
    <>
      <Link to={to} query={query} isRow>
        {before !== undefined && `${before} `}
        <InertLine text={id} max={max} />
      </Link>{' '}
      <PromptBeginning folder={folder} id={id} />
    </>
  );
}

/** The beginning of a problem's prompt; nothing if the run recorded none. */
export function PromptBeginning({ folder, id }: { readonly folder: string; readonly id: string }) {
  const prompt = usePrompt(folder, id);
  if (prompt === undefined || prompt === null) return null;
  return (
    <span className={styles.soft}>
      <InertLine text={prompt} max={120} />
    </span>
  );
}
