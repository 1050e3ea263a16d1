// Starts Gradus: from source in a checkout, from dist/ when installed. Needs Node 24.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const fromSource = existsSync(new URL('../src/cli/main.ts', import.meta.url));
const root = new URL(fromSource ? '../src/' : '../dist/', import.meta.url);
const extension = fromSource ? '.ts' : '.js';

const { enableCompileCache, registerHooks, stripTypeScriptTypes } = await import('node:module');
// Cache compiled code: commands start in a third of the time. The cache is per user and validated against the sources.
const { directory } = enableCompileCache?.() ?? {};
// Worker threads take the cache's folder from the environment.
if (directory !== undefined) process.env.NODE_COMPILE_CACHE ??= directory;
// Resolve `import … from 'gradus'` in a recipe in any folder to the running Gradus.
registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'gradus') return next(new URL(`index${extension}`, root).href, context);
    if (specifier === 'gradus/testing') return next(new URL(`testing/index${extension}`, root).href, context);
    return next(specifier, context);
  },
  // Node does not strip types inside node_modules, where the recipes of an installed Gradus are.
  load(url, context, next) {
    if (!url.includes('/node_modules/')) return next(url, asWritten(url, context));
    if (!url.endsWith('.ts')) return next(url, context);
    const source = stripTypeScriptTypes(readFileSync(fileURLToPath(url), 'utf8'));
    return { format: 'module', source, shortCircuit: true };
  },
});

// "npm init" writes "type": "commonjs", with which Node refuses `import`: detect modules by their source instead.
function asWritten(url, context) {
  const format = { commonjs: 'module', 'commonjs-typescript': 'module-typescript' }[context.format];
  if (format === undefined || !url.startsWith('file:')) return context;
  const text = readFileSync(fileURLToPath(url), 'utf8');
  const isModule = /^(?:import\b\s*[\w{*'"]|export\b\s*[\w{*])/m.test(text);
  return isModule ? { ...context, format } : context;
}

const { main } = await import(new URL(`cli/main${extension}`, root).href);
process.exitCode = await main(process.argv);
