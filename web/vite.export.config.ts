import { createHash } from 'node:crypto';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** Builds one file for exported runs, with everything inlined and a policy that names its script and style by hash. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react(), inOneFile()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: false,
    target: 'es2023',
    cssCodeSplit: false,
    modulePreload: false,
    rolldownOptions: { output: { codeSplitting: false } },
  },
});

function inOneFile(): Plugin {
  return {
    name: 'gradus-in-one-file',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const files = Object.values(bundle);
        const page = files.find((file) => file.fileName === 'index.html');
        if (page?.type !== 'asset') throw new Error('expected the build to make index.html');
        const script = files.flatMap((file) => (file.type === 'chunk' ? [file.code] : [])).join('\n');
        const style = files
          .flatMap((file) =>
            file.type === 'asset' && file.fileName.endsWith('.css') ? [textOf(file.source)] : [],
          )
          .join('\n');
        for (const { fileName } of files) Reflect.deleteProperty(bundle, fileName);
        this.emitFile({
          type: 'asset',
          fileName: 'export.html',
          source: inlined(textOf(page.source), script, style),
        });
      },
    },
  };
}

function inlined(page: string, script: string, style: string): string {
  const code = script.replaceAll(/<(?=\/script|!--|script)/giu, String.raw`\x3C`);
  const policy = `default-src 'none'; script-src '${hash(code)}'; style-src '${hash(style)}'; img-src data:; base-uri 'none'; form-action 'none'`;
  const head = `<meta http-equiv="content-security-policy" content="${policy}"><style>${style}</style>`;
  return page
    .replaceAll(/<(?:script[^>]*src=[^>]*>\s*<\/script>|link[^>]*rel="stylesheet"[^>]*>)/gu, '')
    .replace('</title>', () => `</title>${head}`)
    .replace('</body>', () => `<script type="module">${code}</script></body>`);
}

const hash = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;
const textOf = (source: string | Uint8Array): string =>
  typeof source === 'string' ? source : new TextDecoder().decode(source);
