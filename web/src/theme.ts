/** The chosen theme; `system` follows the operating system. */
export type Theme = 'system' | 'light' | 'dark';

const key = 'gradus-theme';

/** Returns the saved theme; `system` if none is saved or the browser forbids storage, as it may for files on disk. */
export function savedTheme(): Theme {
  try {
    const saved = localStorage.getItem(key);
    return saved === 'light' || saved === 'dark' ? saved : 'system';
  } catch {
    return 'system';
  }
}

/** Applies a theme and saves it. */
export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  try {
    localStorage.setItem(key, theme);
  } catch {
    // Without storage, the theme lasts until the page is closed.
  }
}

/** Returns the opposite of the current theme. */
export function otherTheme(theme: Theme): Theme {
  const isDark =
    theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  return isDark ? 'light' : 'dark';
}
