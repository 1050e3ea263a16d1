import { useState } from 'react';
import { useData, useRun } from '../../data/use-data.ts';
import { InertText } from '../../design/inert-text.tsx';
import { Card, Empty, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { useFilters } from '../../router.tsx';
import { Answer } from './answer.tsx';
import { PlayForm } from './play-form.tsx';
import { usePlay } from './use-play.ts';

/** Prompts a checkpoint of the run; shows tokens with their probabilities, and verdicts. */
export function PlayView({ folder }: { readonly folder: string }) {
  const { data: run, error } = useRun(folder);
  if (run === undefined) return <Waiting error={error} what={folder} />;
  return (
    <div className={styles.stack}>
      <h1>Play</h1>
      {run.can.play ? (
        <Playground folder={folder} />
      ) : (
        <Empty>
          Start the dashboard with <code>gradus dashboard --play</code> to prompt models.
        </Empty>
      )}
    </div>
  );
}

function Playground({ folder }: { readonly folder: string }) {
  const [query] = useFilters();
  const { data: models = [], error } = useData(['run', folder, 'models'], (source) => source.models(folder));
  const id = query.get('problem') ?? '';
  const { data: problem } = useData(
    ['run', folder, 'problem', id],
    (source) => source.problem(folder, id),
    id !== '',
  );
  const play = usePlay(folder);
  const [typed, setTyped] = useState<string | null>(null);
  const prompt = typed ?? problem?.prompt.map(({ content }) => content).join('\n\n') ?? '';
  if (error !== null) return <Empty>{error.message}</Empty>;
  return (
    <>
      <Card title="Request" note={id === '' ? 'enter a problem id to get verdicts' : `judged as ${id}`}>
        <PlayForm models={models} prompt={prompt} onPrompt={setTyped} play={play} />
      </Card>
      {play.error !== null && <p className={styles.noteWarn}>{play.error}</p>}
      <div className={styles.grid}>
        {play.answers.map((answer) => (
          <Answer key={answer.index} answer={answer} />
        ))}
        {Object.entries(play.parts).map(([index, text]) => (
          <Card
            key={`part ${index}`}
            title={`Answer ${Number(index) + 1}`}
            note={play.isRunning ? 'generating' : 'stopped'}
          >
            <InertText text={text} />
          </Card>
        ))}
      </div>
    </>
  );
}
