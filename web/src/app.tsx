import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import styles from './app.module.css';
import { Help } from './help.tsx';
import { focusFilter, type Shortcut, useShortcuts, walkRows } from './keyboard.ts';
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
  strategies: lazy(async () => ({
    default: (await import('./views/strategies/strategies-view.tsx')).StrategiesView,
  })),
  metrics: lazy(async () => ({ default: (await import('./views/metrics/metrics-view.tsx')).MetricsView })),
  rollouts: lazy(async () => ({
    default: (await import('./views/rollouts/rollouts-view.tsx')).RolloutsView,
  })),
  group: lazy(async () => ({ default: (await import('./views/group/group-view.tsx')).GroupView })),
  problem: lazy(async () => ({ default: (await import('./views/problem/problem-view.tsx')).ProblemView })),
  answers: lazy(async () => ({ default: (await import('./views/answers/answers-view.tsx')).AnswersView })),
  play: lazy(async () => ({ default: (await import('./views/play/play-view.tsx')).PlayView })),
};
const CompareView = lazy(async () => ({
  default: (await import('./views/runs/compare-view.tsx')).CompareView,
}));
const SeedsView = lazy(async () => ({
  default: (await import('./views/runs/seeds-view.tsx')).SeedsView,
}));
const ManyView = lazy(async () => ({
  default: (await import('./views/runs/many-view.tsx')).ManyView,
}));
const tabs = ['overview', 'curriculum', 'metrics', 'rollouts', 'strategies', 'play'];

/** The header and navigation around every view. */
export function App() {
  const { parts } = useRoute();
  const [section = 'runs', folder, name = 'overview', id] = parts;
  const run = section === 'runs' ? folder : undefined;
  const [theme, setTheme] = useState(savedTheme);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const toggleTheme = (): void => setTheme(otherTheme(theme));
  const shortcuts = useAllShortcuts(run, toggleTheme, () => setHelpOpen(true));
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
        Skip to content
      </a>
      <header className={styles.bar}>
        <Link to={['runs']} className={styles.brand}>
          Gradus
        </Link>
        {run !== undefined && <Tabs folder={run} name={name} />}
        <div className={styles.tools}>
          <button
            type="button"
            aria-label="Help"
            title="Keyboard and glossary (?)"
            onClick={() => setHelpOpen(true)}
          >
            ?
          </button>
          <button type="button" title="Theme (t)" onClick={toggleTheme}>
            {otherTheme(theme) === 'dark' ? 'Dark' : 'Light'}
          </button>
        </div>
      </header>
      <main className={styles.main} id="main" tabIndex={-1}>
        <Suspense fallback={<p>Loading…</p>}>
          <Page section={section} folder={folder} name={name} />
        </Suspense>
      </main>
      <Help shortcuts={shortcuts} isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
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
  if (section === 'compare') {
    const folders = query.getAll('run');
    if (folders.length > 0) return <ManyView folders={folders} />;
    const [before, after] = [query.getAll('before'), query.getAll('after')];
    return before.length < 2 && after.length < 2 ? (
      <CompareView before={before[0] ?? ''} after={after[0] ?? ''} />
    ) : (
      <SeedsView before={before} after={after} />
    );
  }
  if (folder === undefined) return <RunsView />;
  const View = views[name];
  if (View === undefined) return <h1>View “{name}” not found</h1>;
  return <View folder={folder} key={folder} />;
}

function Tabs({ folder, name }: { readonly folder: string; readonly name: string }) {
  const { data: run } = useRun(folder);
  const isShown: Readonly<Record<string, boolean>> = {
    strategies: run?.evaluations.some(({ hasStrategies }) => hasStrategies) ?? false,
    play: run?.can.play ?? false,
  };
  const shown = tabs.filter((tab) => isShown[tab] ?? true);
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

/** Returns the shortcuts of the frame, including those of a run if a run is open. */
function useAllShortcuts(folder: string | undefined, toggleTheme: () => void, help: () => void): Shortcut[] {
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
      { keys: 'g s', does: 'strategies', run: to('strategies') },
      { keys: 'g p', does: 'play', run: to('play') },
      { keys: '[', does: 'previous stage', run: () => turnStage(-1) },
      { keys: ']', does: 'next stage', run: () => turnStage(1) },
    ];
    return [
      { keys: '?', does: 'this help', run: help },
      { keys: 'g r', does: 'all runs', run: () => go(['runs']) },
      ...(folder === undefined ? [] : ofRun),
      { keys: 'j', does: 'next row', run: () => walkRows(1) },
      { keys: 'k', does: 'previous row', run: () => walkRows(-1) },
      { keys: '/', does: 'first filter', run: focusFilter },
      { keys: 't', does: 'light or dark theme', run: toggleTheme },
    ];
  }, [folder, turnStage, toggleTheme, help]);
}

/** Cycles the filter `stage`, which every view of a run shares, through "all stages" and each
 * stage. */
function useStageTurn(folder: string | undefined): (by: 1 | -1) => void {
  const { data: run } = useRun(folder ?? '', folder !== undefined);
  const [query, change] = useFilters();
  return (by) => {
    const stages = ['', ...(run?.stages ?? []).map(({ stage }) => stage)];
    const at = Math.max(0, stages.indexOf(query.get('stage') ?? ''));
    change({ stage: stages[(at + by + stages.length) % stages.length]!, from: '', to: '' });
  };
}

/** On a new page, scrolls to the top, focuses the content and sets the window's title. */
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
