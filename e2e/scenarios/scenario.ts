/** What a scenario is. */

import type { Stage } from './stage.ts';

export interface Scenario {
  readonly name: string;
  /** One line: what holds when it passes. */
  readonly asserted: string;
  /** Throws Broken when it does not hold; resolves with the figures. */
  readonly run: (stage: Stage) => Promise<string>;
}
