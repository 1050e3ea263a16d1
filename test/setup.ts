import * as fc from 'fast-check';

// Property tests draw the same cases on every machine, so that a red run is a change and not bad luck.
// GRADUS_FUZZ_SEED=$RANDOM npm test looks further.
fc.configureGlobal({ seed: Number(process.env['GRADUS_FUZZ_SEED'] ?? 20_261_122) });
