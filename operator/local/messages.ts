/** What the front and the reconciler say to each other over the channel between parent and child. */
import type { ValkeyClusterStatus } from '../api/index.ts';
import type { PlatformEvent } from '../platform/platform.ts';
import type { Snapshot } from './snapshot.ts';

export type FromReconciler =
  | { readonly kind: 'status'; readonly status: ValkeyClusterStatus }
  | { readonly kind: 'event'; readonly event: PlatformEvent }
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'log'; readonly line: string }
  /** It has come to rest and starts nothing any more. */
  | { readonly kind: 'resting' };

export type FromFront =
  /** desired.json has changed: look now. */
  | { readonly kind: 'look' }
  /** Do nothing more, and answer `resting`: the nodes are about to be stopped, and their parent must be there to see them off. */
  | { readonly kind: 'rest' }
  /** End; the nodes go on. */
  | { readonly kind: 'stop' };

/** What the reconciler is started with, in its environment as JSON. */
export interface ReconcilerTask {
  readonly statePath: string;
  readonly clusterUid: string;
  readonly firstPort: number;
}

export const TASK_VARIABLE = 'KEYHERD_LOCAL_TASK';
