import { lazy, Suspense, useState } from 'react';
import styles from './app.module.css';
import { Link, useRoute } from './router.tsx';
import { RunsView } from './views/runs-view.tsx';

const views: Readonly<Record<string, React.ComponentType<{ readonly folder: string }>>> = {
  overview: lazy(async () => ({ default: (await import('./views/overview-view.tsx')).OverviewView })),
  curriculum: lazy(async () => ({ default: (await import('./views/curriculum-view.tsx')).CurriculumView })),
  metrics: lazy(async () => ({ default: (await import('./views/metrics-view.tsx')).MetricsView })),
  rollouts: lazy(async () => ({ default: (await import('./views/rollouts-view.tsx')).RolloutsView })),
  group: lazy(async () => ({ default: (await import('./views/group-view.tsx')).GroupView })),
};
const tabs = ['overview', 'curriculum', 'metrics', 'rollouts'];

/** The frame around every view. */
export function App() {
  const { parts } = useRoute();
  const [, folder, name = 'overview'] = parts;
  const View = views[name];
  return (
    <>
      <header className={styles.bar}>
        <Link to={['runs']} className={styles.brand}>
          Gradus
        </Link>
        {folder !== undefined && (
          <nav className={styles.tabs} aria-label="Views of the run">
            {tabs.map((tab) => (
              <Link key={tab} to={['runs', folder, tab]} current={tab === name}>
                {tab[0]!.toUpperCase() + tab.slice(1)}
              </Link>
            ))}
          </nav>
        )}
        <ThemeButton />
      </header>
      <main className={styles.main}>
        {folder === undefined ? (
          <RunsView />
        ) : View === undefined ? (
          <p>There is no view named “{name}”.</p>
        ) : (
          <Suspense fallback={<p>Opening…</p>}>
            <View folder={folder} key={folder} />
          </Suspense>
        )}
      </main>
    </>
  );
}

function ThemeButton() {
  const [isDark, setDark] = useState(matchMedia('(prefers-color-scheme: dark)').matches);
  return (
    <button
      type="button"
      onClick={() => {
        document.documentElement.dataset['theme'] = isDark ? 'light' : 'dark';
        setDark(!isDark);
      }}
    >
      {isDark ? 'Light' : 'Dark'}
    </button>
  );
}
