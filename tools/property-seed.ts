/**
 * PROPERTY_SEED makes every property test's run the seed's: in CI, where a run must be the same on every machine, and to replay one.
 * Without it each run draws its own, so that runs on developers' machines keep looking elsewhere.
 */
import fc from 'fast-check';

const seed = process.env['PROPERTY_SEED'];
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) });
