import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type SubmitEvent } from 'react';
import type { Annotations } from '../../../../src/runs/files/annotations.ts';
import { nextFrame } from '../../data/subscribe.ts';
import { useSource } from '../../data/use-data.ts';
import { InertText } from '../../design/inert-text.tsx';
import { Card, Empty, Field } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { Tags } from '../../design/tags.tsx';
import { go } from '../../router.tsx';
import own from './overview.module.css';

/** The tags and the note of a run, and the form that changes them. */
export function RunAnnotations(props: { readonly folder: string; readonly annotations: Annotations }) {
  const { annotations } = props;
  const { isServed } = useSource();
  const [isOpen, setOpen] = useState(false);
  if (isOpen) return <Editor {...props} close={() => setOpen(false)} />;
  const { tags, note } = annotations;
  if (!isServed && tags.length === 0 && note === '') return null;
  return (
    <div className={own.notes}>
      <Tags tags={tags} />
      {note !== '' && (
        <div className={own.noteText}>
          <InertText text={note} />
        </div>
      )}
      {isServed && (
        <button type="button" onClick={() => setOpen(true)}>
          Edit notes
        </button>
      )}
    </div>
  );
}

function Editor(props: {
  readonly folder: string;
  readonly annotations: Annotations;
  readonly close: () => void;
}) {
  const { folder, annotations, close } = props;
  const source = useSource();
  const queries = useQueryClient();
  const [error, setError] = useState<string | null>(null);
  const attempt = async (action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (reason) {
      setError((reason as Error).message);
    }
  };
  const annotate = async (changed: Annotations): Promise<void> => {
    await source.annotate(folder, changed);
    await Promise.all([['runs'], ['run', folder]].map((queryKey) => queries.invalidateQueries({ queryKey })));
    close();
  };
  // The list of runs shows the error of this mutation.
  const trash = useMutation({
    mutationKey: ['trash'],
    // The server is usually local, so a lost network does not matter.
    networkMode: 'always',
    mutationFn: async () => {
      // Requests for a moved run fail, so its page closes first and its requests end.
      go(['runs']);
      await nextFrame();
      const requests = queries.getQueryCache().findAll({ queryKey: ['run', folder] });
      await Promise.allSettled(requests.map(async ({ promise }) => promise));
      await source.moveToTrash(folder);
      await Promise.all([['runs'], ['trash']].map((queryKey) => queries.invalidateQueries({ queryKey })));
    },
  });
  const save = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const text = (name: string): string => {
      const value = fields.get(name);
      return typeof value === 'string' ? value : '';
    };
    const tags = text('tags')
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== '');
    const changed = { title: text('title'), tags: [...new Set(tags)], note: text('note') };
    void attempt(() => annotate(changed));
  };
  return (
    <div className={own.editor}>
      <Card title="Notes">
        <form className={own.noteForm} onSubmit={save}>
          <Field name="Title, shown with the folder">
            <input name="title" maxLength={100} defaultValue={annotations.title} />
          </Field>
          <Field name="Tags, separated by commas">
            <input name="tags" defaultValue={annotations.tags.join(', ')} />
          </Field>
          <Field name="Note">
            <textarea name="note" rows={5} maxLength={20_000} defaultValue={annotations.note} />
          </Field>
          {error !== null && <Empty>{error}</Empty>}
          <div className={styles.spread}>
            <div className={styles.row}>
              <button type="submit">Save</button>
              <button type="button" onClick={close}>
                Cancel
              </button>
            </div>
            <TrashButton onConfirm={() => trash.mutate()} />
          </div>
        </form>
      </Card>
    </div>
  );
}

/** Moves the run to the trash at the second click. */
function TrashButton({ onConfirm }: { readonly onConfirm: () => void }) {
  const [isAsked, setAsked] = useState(false);
  if (!isAsked) {
    return (
      <button type="button" onClick={() => setAsked(true)}>
        Move to trash
      </button>
    );
  }
  return (
    <div className={styles.row}>
      You can restore it from the list of runs.
      <button type="button" onClick={onConfirm}>
        Move this run to the trash
      </button>
      <button type="button" onClick={() => setAsked(false)}>
        Keep it
      </button>
    </div>
  );
}
