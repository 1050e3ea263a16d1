import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type Reporter, type TestSpecification } from 'vitest/node';

/** Ends every run with one plain line that people and CI can read. */
const tally: Reporter = {
  onTestRunEnd(modules) {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      if (module.errors().length > 0) count.failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state === 'passed' || state === 'failed' ? state : 'skipped']++;
      }
    }
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  },
};

/** Files that take half a minute or more, longest first. */
const longest = [
  'test/worker/python.test.ts',
  'test/browser/pages.test.ts',
  'test/e2e/resume/kill.test.ts',
  'test/e2e/torch.test.ts',
  'test/conformance/torch-engine.test.ts',
  'test/stage-reference.test.ts',
  'test/worker/failures.test.ts',
  'test/browser/staged-run.test.ts',
  'test/e2e/resume/turns-kill.test.ts',
  'test/turns-engines.test.ts',
  'test/e2e/probe-faults.test.ts',
  'test/e2e/tutorials.test.ts',
  'test/e2e/cli.test.ts',
];

/** Starts the longest files first, so that no worker waits for one of them at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = longest.findIndex((name) => moduleId.endsWith(name));
      return found < 0 ? longest.length : found;
    };
    const group = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    // oxlint-disable-next-line unicorn/no-array-sort -- a method of the sequencer
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => group(a) - group(b) || rank(a) - rank(b));
  }
}

const common = {
  setupFiles: ['test/setup.ts'],
  execArgv: ['--conditions=development'],
  // Tells a hang from a busy machine; slower tests name their own limit.
  testTimeout: 120_000,
  // The default of one second is too short for a page on a busy machine.
  expect: { poll: { timeout: 30_000 } },
  // Threads and processes that tests start load compiled code from this cache.
  env: { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'node-compile-cache') },
};

/** What loads every core on purpose, or counts seconds, comes after everything else and has the machine to itself. */
const alone = [
  'test/hostile/**/*.test.ts',
  'src/sandbox/python/**/*.test.ts',
  'src/verifiers/code/**/*.test.ts',
];

export default defineConfig({
  resolve: { conditions: ['development'] },
  ssr: { resolve: { conditions: ['development'], externalConditions: ['development'] } },
  test: {
    reporters: ['default', tally],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          ...common,
          name: 'together',
          include: ['src/**/*.test.ts', 'bench/**/*.test.ts', 'web/src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: alone,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        // Real processes judged by processor time on a machine that may be busy: one more try before it counts.
        test: {
          ...common,
          name: 'alone',
          include: alone,
          retry: 1,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
