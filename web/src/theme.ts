/** What the reader chose; `system` follows the machine. */
export type Theme = 'system' | 'light' | 'dark';

const key = 'gradus-theme';

/** The theme chosen last time. A page opened from a disk may have nowhere to keep it. */
export function savedTheme(): Theme {
  try {
    const saved = localStorage.getItem(key);
    return saved === 'light' || saved === 'dark' ? saved : 'system';
  } catch {
    return 'system';
  }
}

/** Applies a theme and remembers it. */
export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  try {
    localStorage.setItem(key, theme);
  } catch {
    // Nowhere to keep it: it holds until the page is closed.
  }
}

/** The other of light and dark, whichever is shown now. */
export function otherTheme(theme: Theme): Theme {
  const isDark =
    theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  return isDark ? 'light' : 'dark';
}
