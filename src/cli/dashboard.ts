import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { RunError } from '../core/errors.ts';
import { startDashboard } from '../services/dashboard/dashboard.ts';
import { compareRuns } from '../evaluation/compare-runs.ts';
import { compareSeeds } from '../evaluation/seeds/compare-seeds.ts';
import { runProgress } from '../evaluation/run-progress.ts';
import { createPlayer } from '../models/player.ts';
import { tokenPieces } from '../models/token-pieces.ts';
import { addListenOptions, type ListenFlags, tokenFromEnvironment, untilStopped } from './listening.ts';
import { addTrustOption, type TrustFlags } from './options.ts';
import { outputOf } from './output.ts';
import { pagesFolder } from './pages-folder.ts';

interface Flags extends ListenFlags, TrustFlags {
  readonly play?: boolean;
}

/** `gradus dashboard`: shows runs in a browser, live or finished. */
export function addDashboardCommand(program: Command): void {
  const command = program
    .command('dashboard')
    .description('show runs in a browser; visitors must send the token in GRADUS_TOKEN, if it is set')
    .argument('[folder]', 'folder of runs', 'runs');
  addTrustOption(addListenOptions(command, 4747))
    .option('--play', 'let visitors prompt the models of runs, one request at a time')
    .action(async (root: string, { host, port, play = false, trust }: Flags) => {
      const pages = pagesFolder();
      const found = statSync(root, { throwIfNoEntry: false });
      if (found?.isDirectory() !== true) {
        const what = found === undefined ? 'nothing' : 'a file';
        throw new RunError(`${root}: expected a folder of runs, found ${what}`, { tryNext: 'gradus demo' });
      }
      const output = outputOf(command);
      await using player = createPlayer({ trust });
      await using dashboard = await startDashboard({
        root,
        pages,
        host,
        port,
        token: tokenFromEnvironment(),
        compareSuites: compareRuns,
        compareSeeds,
        compareProgress: runProgress,
        readPieces: tokenPieces(),
        ...(play && { player }),
      });
      const { url } = dashboard;
      await untilStopped(output, { url }, `showing ${root} at ${url}`);
      output.result({ url, stopped: true }, 'stopped');
    });
}
