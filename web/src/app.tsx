import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import styles from './app.module.css';
import { focusFilter, KeyboardHelp, type Shortcut, useShortcuts, walkRows } from './keyboard.tsx';
import { go, Link, useFilters, useRoute } from './router.tsx';
import { useRun } from './data/use-data.ts';
import { applyTheme, otherTheme, savedTheme } from './theme.ts';
import { RunsView } from './views/runs/runs-view.tsx';

type View = React.ComponentType<{ readonly folder: string }>;

const views: Readonly<Record<string, View>> = {
  overview: lazy(async () => ({
    default: (await import('./views/overview/overview-view.tsx')).OverviewView,
  })),
  curriculum: lazy(async () => ({
    default: (await import('./views/curriculum/curriculum-view.tsx')).CurriculumView,
  })),
  metrics: lazy(async () => ({ default: (await import('./views/metrics/metrics-view.tsx')).MetricsView })),
  rollouts: lazy(async () => ({
    default: (await import('./views/rollouts/rollouts-view.tsx')).RolloutsView,
  })),
  group: lazy(async () => ({ default: (await import('./views/group/group-view.tsx')).GroupView })),
  problem: lazy(async () => ({ default: (await import('./views/problem/problem-view.tsx')).ProblemView })),
  play: lazy(async () => ({ default: (await import('./views/play/play-view.tsx')).PlayView })),
};
const CompareView = lazy(async () => ({
  default: (await import('./views/runs/compare-view.tsx')).CompareView,
}));
const tabs = ['overview', 'curriculum', 'metrics', 'rollouts', 'play'];

/** The frame around every view. */
export function App() {
  const { parts } = useRoute();
  const [section = 'runs', folder, name = 'overview', id] = parts;
  const run = section === 'runs' ? folder : undefined;
  const [theme, setTheme] = useState(savedTheme);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const turnTheme = (): void => setTheme(otherTheme(theme));
  const shortcuts = useAllShortcuts(run, turnTheme, () => setHelpOpen(true));
  useShortcuts(shortcuts);
  useEffect(() => {
    applyTheme(theme);
  }, [theme]);
  usePageTurn([section, folder, name, id].filter((part) => part !== undefined));
  return (
    <>
      <a
        className={styles.skip}
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          focusMain();
        }}
      >
        Skip to the content
      </a>
      <header className={styles.bar}>
        <Link to={['runs']} className={styles.brand}>
          Gradus
        </Link>
        {run !== undefined && <Tabs folder={run} name={name} />}
        <div className={styles.tools}>
          <button
            type="button"
            aria-label="Keyboard shortcuts"
            title="Keyboard (?)"
            onClick={() => setHelpOpen(true)}
          >
            ?
          </button>
          <button type="button" title="Theme (t)" onClick={turnTheme}>
            {otherTheme(theme) === 'dark' ? 'Dark' : 'Light'}
          </button>
        </div>
      </header>
      <main className={styles.main} id="main" tabIndex={-1}>
        <Suspense fallback={<p>Opening…</p>}>
          <Page section={section} folder={folder} name={name} />
        </Suspense>
      </main>
      <KeyboardHelp shortcuts={shortcuts} isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </>
  );
}

function Page(props: {
  readonly section: string;
  readonly folder: string | undefined;
  readonly name: string;
}) {
  const { section, folder, name } = props;
  const { query } = useRoute();
  if (section === 'compare')
    return <CompareView before={query.get('before') ?? ''} after={query.get('after') ?? ''} />;
  if (folder === undefined) return <RunsView />;
  const View = views[name];
  if (View === undefined) return <h1>There is no view named “{name}”</h1>;
  return <View folder={folder} key={folder} />;
}

function Tabs({ folder, name }: { readonly folder: string; readonly name: string }) {
  const { data: run } = useRun(folder);
  const shown = tabs.filter((tab) => tab !== 'play' || run?.can.play === true);
  return (
    <>
      <Link to={['runs', folder, 'overview']} className={styles.run}>
        <bdi>{folder}</bdi>
        {run?.head.status === 'running' && <span className={styles.live} title="running" />}
      </Link>
      <nav className={styles.tabs} aria-label="Views of the run">
        {shown.map((tab) => (
          <Link key={tab} to={['runs', folder, tab]} current={tab === name}>
            {tab[0]!.toUpperCase() + tab.slice(1)}
          </Link>
        ))}
      </nav>
    </>
  );
}

/** The keys of the frame; those of a run only where there is one. */
function useAllShortcuts(folder: string | undefined, turnTheme: () => void, help: () => void): Shortcut[] {
  const turnStage = useStageTurn(folder);
  return useMemo(() => {
    const to = (view: string) => () => {
      if (folder !== undefined) go(['runs', folder, view]);
    };
    const ofRun = [
      { keys: 'g o', does: 'overview', run: to('overview') },
      { keys: 'g c', does: 'curriculum', run: to('curriculum') },
      { keys: 'g m', does: 'metrics', run: to('metrics') },
      { keys: 'g l', does: 'rollouts (the list)', run: to('rollouts') },
      { keys: 'g p', does: 'play', run: to('play') },
      { keys: '[', does: 'stage before', run: () => turnStage(-1) },
      { keys: ']', does: 'next stage', run: () => turnStage(1) },
    ];
    return [
      { keys: '?', does: 'this list', run: help },
      { keys: 'g r', does: 'all runs', run: () => go(['runs']) },
      ...(folder === undefined ? [] : ofRun),
      { keys: 'j', does: 'next row', run: () => walkRows(1) },
      { keys: 'k', does: 'row before', run: () => walkRows(-1) },
      { keys: '/', does: 'to the first filter', run: focusFilter },
      { keys: 't', does: 'light or dark', run: turnTheme },
    ];
  }, [folder, turnStage, turnTheme, help]);
}

/** Goes round all stages and each of them; every view of a run knows the filter `stage`. */
function useStageTurn(folder: string | undefined): (by: 1 | -1) => void {
  const { data: run } = useRun(folder ?? '', folder !== undefined);
  const [query, change] = useFilters();
  return (by) => {
    const stages = ['', ...(run?.stages ?? []).map(({ stage }) => stage)];
    const at = Math.max(0, stages.indexOf(query.get('stage') ?? ''));
    change({ stage: stages[(at + by + stages.length) % stages.length]!, from: '', to: '' });
  };
}

/** A new page begins at its top, with the focus on its content and its name in the window's title. */
function usePageTurn(parts: readonly string[]): void {
  const path = parts.join(' · ');
  const shown = useRef(path);
  useEffect(() => {
    document.title = `${path} – Gradus`;
    if (shown.current === path) return;
    shown.current = path;
    scrollTo(0, 0);
    focusMain();
  }, [path]);
}

function focusMain(): void {
  document.querySelector('main')?.focus({ preventScroll: true });
}
