import type { PlayModel } from '../../../../src/services/dashboard/play.ts';
import { Field } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { useFilters } from '../../router.tsx';
import own from './play.module.css';
import type { Play } from './use-play.ts';

const settings = [
  ['count', 'Answers', 1],
  ['maxTokens', 'Max tokens', 256],
  ['temperature', 'Temperature', 1],
  ['seed', 'Seed', 0],
] as const;

/** The model, sampling settings and prompt. The URL contains all of them except the prompt. */
export function PlayForm(props: {
  readonly models: readonly PlayModel[];
  readonly prompt: string;
  readonly onPrompt: (prompt: string) => void;
  readonly play: Play;
}) {
  const { models, prompt, onPrompt, play } = props;
  const [query] = useFilters();
  const number = (name: string, fallback: number): number => {
    const value = Number(query.get(name) ?? fallback);
    return Number.isFinite(value) ? value : fallback;
  };
  const onSubmit = (event: React.FormEvent): void => {
    event.preventDefault();
    const [problem, step] = [query.get('problem'), query.get('model')];
    play.ask({
      messages: [{ role: 'user', content: prompt }],
      ...Object.fromEntries(settings.map(([name, , fallback]) => [name, number(name, fallback)])),
      ...(problem !== null && { problem }),
      ...(step !== null && { step: Number(step) }),
    });
  };
  return (
    <form className={styles.stack} onSubmit={onSubmit}>
      <Settings models={models} />
      <Field name="Prompt">
        <textarea rows={4} value={prompt} onChange={(event) => onPrompt(event.target.value)} />
      </Field>
      <div className={styles.row}>
        <button type="submit" disabled={prompt.trim() === '' || play.isRunning}>
          {play.isRunning ? 'Generating…' : 'Generate'}
        </button>
        {play.isRunning && (
          <button type="button" onClick={play.stop}>
            Stop
          </button>
        )}
      </div>
    </form>
  );
}

function Settings({ models }: { readonly models: readonly PlayModel[] }) {
  const [query, set] = useFilters();
  return (
    <div className={styles.row}>
      <Field name="Model">
        <select
          data-filter
          value={query.get('model') ?? ''}
          onChange={(event) => set({ model: event.target.value })}
        >
          {models.map(({ step, label }) => (
            <option key={label} value={step ?? ''}>
              {label}
            </option>
          ))}
        </select>
      </Field>
      {settings.map(([name, title, fallback]) => (
        <Field key={name} name={title}>
          <input
            className={own.number}
            inputMode="decimal"
            value={query.get(name) ?? ''}
            placeholder={String(fallback)}
            onChange={(event) => set({ [name]: event.target.value.replaceAll(/[^\d.]/gu, '') })}
          />
        </Field>
      ))}
      <Field name="Judge as problem">
        <input
          value={query.get('problem') ?? ''}
          placeholder="id, optional"
          onChange={(event) => set({ problem: event.target.value })}
        />
      </Field>
    </div>
  );
}
