import * as fc from 'fast-check';

// Property tests draw the same cases on every machine, so that a failure is caused by a change and not
// by chance. `GRADUS_FUZZ_SEED=$RANDOM npm test` draws other cases.
fc.configureGlobal({ seed: Number(process.env['GRADUS_FUZZ_SEED'] ?? 20_261_122) });
