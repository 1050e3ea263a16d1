import { once } from 'node:events';
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { RunError } from '../core/errors.ts';
import { startDashboard } from '../services/dashboard/dashboard.ts';
import { compareRuns } from '../evaluation/compare-runs.ts';
import { createPlayer } from '../models/player.ts';
import { tokenPieces } from '../models/token-pieces.ts';
import { withInterrupt } from './interrupt.ts';
import { wholeNumber } from './options.ts';
import { outputOf } from './output.ts';
import { pagesFolder } from './pages-folder.ts';

interface Flags {
  readonly host: string;
  readonly port: number;
  readonly play?: boolean;
}

/** `gradus dashboard`: runs in a browser, live or finished. */
export function addDashboardCommand(program: Command): void {
  program
    .command('dashboard')
    .description('show runs in a browser; GRADUS_TOKEN in the environment is asked of visitors')
    .argument('[folder]', 'folder of runs', 'runs')
    .option('--host <address>', 'where to listen; off loopback a token is needed', '127.0.0.1')
    .option('--port <n>', '0: any free port', wholeNumber(0, 65_535), 4747)
    .option('--play', "let visitors ask the runs' models, one question at a time")
    .action(async (root: string, { host, port, play = false }: Flags, command: Command) => {
      const pages = pagesFolder();
      const found = statSync(root, { throwIfNoEntry: false });
      if (found?.isDirectory() !== true) {
        const what = found === undefined ? 'nothing there' : 'a file';
        throw new RunError(`${root}: expected a folder of runs, found ${what}`, { tryNext: 'gradus demo' });
      }
      const token = process.env['GRADUS_TOKEN'];
      const output = outputOf(command);
      await using player = createPlayer();
      await using dashboard = await startDashboard({
        root,
        pages,
        host,
        port,
        compareSuites: compareRuns,
        readPieces: tokenPieces(),
        ...(play && { player }),
        ...(token !== undefined && token !== '' && { token }),
      });
      await withInterrupt(async (signal) => {
        output.event({ type: 'listening', url: dashboard.url });
        output.say(`showing ${root} at ${dashboard.url}`);
        await once(signal, 'abort');
      });
      output.result({ url: dashboard.url, stopped: true }, 'stopped');
    });
}
