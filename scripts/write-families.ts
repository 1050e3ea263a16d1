/** Generates the description of model families that the PyTorch worker reads, from `families.ts`. */
import { writeFile } from 'node:fs/promises';
import { families } from '../src/engines/model-files/families.ts';

await writeFile('worker/gradus_worker/model/families.json', `${JSON.stringify(families, null, 2)}\n`);
