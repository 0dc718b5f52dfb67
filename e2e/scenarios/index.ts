/**
 * The scenarios in a real cluster, in the order in which they run. Each finds a cluster of three shards (the first makes it)
 * and leaves one that is Ready. `asserted` is what the table at the end says.
 */

import { deletion } from './deletion.ts';
import { failures } from './failures.ts';
import { manifests } from './manifests.ts';
import { scaling } from './scaling.ts';
import type { Scenario } from './scenario.ts';

export type { Scenario };

export const scenarios: readonly Scenario[] = [...manifests, ...scaling, ...failures, ...deletion];
