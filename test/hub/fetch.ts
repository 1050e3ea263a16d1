/** Downloads an address in a separate process that tests can kill: `node -C development test/hub/fetch.ts <address>`. */
import { readFileSync } from 'node:fs';
import { fetchHubFiles } from '../../src/hub/hub.ts';

const [address = ''] = process.argv.slice(2);
const onDownload = (_file: string, done: number): void => void process.stdout.write(`${done}\n`);
const { files } = await fetchHubFiles(address, { onDownload });
process.stdout.write(`whole ${readFileSync(files[0]!.file).length}\n`);
