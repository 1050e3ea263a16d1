import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Relative paths, so that the same build can be served by `gradus dashboard` or opened from a folder. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
