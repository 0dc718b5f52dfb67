/**
 * Events about a ValkeyCluster, for `kubectl describe`. The same event is written once in a while, not at every look:
 * a cluster that waits for a machine must not fill etcd. Beyond a burst, events of one operator are dropped and counted.
 *
 * An event is best effort: that it cannot be written changes nothing for the cluster, and is told to `onDropped`.
 */

import type { PlatformEvent } from '../platform.ts';
import type { ApiClient } from './api/client.ts';
import { EVENTS } from './api/resources.ts';

/** The same event again is written after this; the API server keeps an event for an hour. */
export const REPEAT_AFTER_MS = 10 * 60_000;
/** So many at once, and one more every REFILL_MS. */
export const BURST = 50;
export const REFILL_MS = 2_000;
/** Remembered events; the oldest are forgotten first, which at worst writes one again. */
export const MAX_REMEMBERED = 1_000;
/** The API server's own limits. */
const MAX_NOTE_LENGTH = 1024;

export interface Subject {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface RecorderOptions {
  readonly client: Pick<ApiClient, 'create'>;
  /** Name of this process in the event. */
  readonly identity: string;
  /** Monotonic. */
  readonly now: () => number;
  readonly wallClock: () => Date;
  readonly uuid: () => string;
  readonly onDropped: (reason: unknown) => void;
}

export class EventRecorder {
  readonly #options: RecorderOptions;
  /** When each was last written. Insertion order is age. */
  readonly #written = new Map<string, number>();
  #tokens = BURST;
  #refilledAtMs: number;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#refilledAtMs = options.now();
  }

  async record(subject: Subject, event: PlatformEvent): Promise<void> {
    const nowMs = this.#options.now();
    const key = [subject.uid, event.type, event.reason, event.message].join('\u0000');
    const writtenAtMs = this.#written.get(key);
    if (writtenAtMs !== undefined && nowMs - writtenAtMs < REPEAT_AFTER_MS) return;
    if (!this.#takeToken(nowMs)) return this.#options.onDropped(`more than ${BURST} events at once`);
    this.#remember(key, nowMs);
    try {
      await this.#options.client.create(EVENTS, subject.namespace, this.#build(subject, event));
    } catch (error) {
      this.#written.delete(key);
      this.#options.onDropped(error);
    }
  }

  #takeToken(nowMs: number): boolean {
    const refills = Math.floor((nowMs - this.#refilledAtMs) / REFILL_MS);
    if (refills > 0) {
      this.#tokens = Math.min(BURST, this.#tokens + refills);
      this.#refilledAtMs += refills * REFILL_MS;
    }
    if (this.#tokens === 0) return false;
    this.#tokens -= 1;
    return true;
  }

  #remember(key: string, nowMs: number): void {
    this.#written.delete(key);
    this.#written.set(key, nowMs);
    if (this.#written.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#written.keys()) {
      this.#written.delete(oldest);
      return;
    }
  }

  #build(subject: Subject, event: PlatformEvent): object {
    const { identity, uuid, wallClock } = this.#options;
    return {
      metadata: { name: `${subject.name}.${uuid()}`, namespace: subject.namespace },
      eventTime: wallClock().toISOString().replace('Z', '000Z'),
      type: event.type,
      reason: event.reason,
      action: event.reason,
      note: event.message.slice(0, MAX_NOTE_LENGTH),
      regarding: { apiVersion: 'keyherd.dev/v1alpha1', kind: 'ValkeyCluster', ...subject },
      reportingController: 'keyherd.dev/operator',
      reportingInstance: identity.slice(0, 128),
    };
  }
}
