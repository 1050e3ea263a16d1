import { useState } from 'react';
import { useData, useRun } from '../../data/use-data.ts';
import { InertText } from '../../design/inert-text.tsx';
import { Card, Empty, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { useFilters } from '../../router.tsx';
import { Answer } from './answer.tsx';
import { PlayForm } from './play-form.tsx';
import { usePlay } from './use-play.ts';

/** Asks any checkpoint of the run: tokens, how likely each was, and what the verifier says. */
export function PlayView({ folder }: { readonly folder: string }) {
  const { data: run, error } = useRun(folder);
  if (run === undefined) return <Waiting error={error} what={folder} />;
  return (
    <div className={styles.stack}>
      <h1>Play</h1>
      {run.can.play ? (
        <Table folder={folder} />
      ) : (
        <Empty>
          This page only shows. <code>gradus dashboard --play</code> may also run models.
        </Empty>
      )}
    </div>
  );
}

function Table({ folder }: { readonly folder: string }) {
  const [query] = useFilters();
  const { data: models = [], error } = useData(['run', folder, 'models'], (source) => source.models(folder));
  const id = query.get('problem') ?? '';
  const { data: problem } = useData(
    ['run', folder, 'problem', id],
    (source) => source.problem(folder, id),
    id !== '',
  );
  const play = usePlay(folder);
  const [said, setSaid] = useState<string | null>(null);
  const prompt = said ?? problem?.prompt.map(({ content }) => content).join('\n\n') ?? '';
  if (error !== null) return <Empty>{error.message}</Empty>;
  return (
    <>
      <Card title="Ask" note={id === '' ? 'add a problem to have the answer judged' : `judged as ${id}`}>
        <PlayForm models={models} prompt={prompt} onPrompt={setSaid} play={play} />
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
            note={play.isRunning ? 'being written' : 'stopped'}
          >
            <InertText text={text} />
          </Card>
        ))}
      </div>
    </>
  );
}
