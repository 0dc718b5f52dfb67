/**
 * Drives the election against the API server: reads and writes the Lease, tells when leadership begins, and calls
 * `onLost` once when it ends. The caller asks `mayAct()` before every act, and exits in `onLost`.
 */

import { hostname } from 'node:os';
import { type ApiClient, isConflict } from '../../platform/kubernetes/api/client.ts';
import type { RawObject } from '../../platform/kubernetes/api/objects.ts';
import { LEASES } from '../../platform/kubernetes/api/resources.ts';
import {
  type Action,
  afterPause,
  type Election,
  type LeaseRecord,
  type LeaseTimes,
  mayAct,
  newElection,
  nextAction,
  onRead,
  onWritten,
} from './election.ts';

export interface ElectorOptions {
  readonly client: Pick<ApiClient, 'get' | 'create' | 'update'>;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly times: LeaseTimes;
  /** Monotonic. */
  readonly now: () => number;
  readonly wallClock: () => Date;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onLeading: () => void;
  readonly onLost: (reason: string) => void;
  readonly onError: (error: unknown) => void;
}

/** A name that no other process has ever had: a restarted process must not take itself for its predecessor. */
export function newIdentity(): string {
  return `${hostname()}_${crypto.randomUUID()}`;
}

export class Elector {
  readonly #options: ElectorOptions;
  readonly #stop = new AbortController();
  #election: Election;
  #running: Promise<void> | undefined;

  constructor(options: ElectorOptions) {
    this.#options = options;
    this.#election = newElection(options.identity, options.times);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  mayAct(): boolean {
    return mayAct(this.#election, this.#options.now());
  }

  /** Stops renewing and, when leading, hands the Lease back so that a successor need not wait for it to run out. */
  async release(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const { role, seen, deadlineMs } = this.#election;
    if (role !== 'leader' || seen === undefined || this.#options.now() >= deadlineMs) return;
    this.#election = { ...this.#election, role: 'lost', reason: 'released' };
    await this.#write({
      do: 'write',
      holder: '',
      resourceVersion: seen.resourceVersion,
      transitions: seen.transitions,
      acquireTime: '',
    });
  }

  async #run(): Promise<void> {
    const { now, sleep } = this.#options;
    let action: Action = nextAction(this.#election, 'started', now());
    while (!this.#stop.signal.aborted) {
      if (action.do === 'exit') return this.#options.onLost(action.reason);
      if (action.do === 'wait') {
        await sleep(action.ms, this.#stop.signal);
        action = afterPause(this.#election, now());
        continue;
      }
      const outcome = action.do === 'read' ? await this.#read() : await this.#tryWrite(action);
      action = nextAction(this.#election, outcome, now());
    }
  }

  async #read(): Promise<'read' | 'failed'> {
    const { client, namespace, name, now } = this.#options;
    try {
      const raw = await client.get(LEASES, namespace, name);
      this.#election = onRead(this.#election, raw === undefined ? undefined : recordOf(raw), now());
      return 'read';
    } catch (error) {
      this.#options.onError(error);
      return 'failed';
    }
  }

  async #tryWrite(action: Action & { do: 'write' }): Promise<'written' | 'conflict' | 'failed'> {
    const sentAtMs = this.#options.now();
    try {
      const record = await this.#write(action);
      const began = this.#election.role !== 'leader';
      this.#election = onWritten(this.#election, record, sentAtMs, this.#options.now());
      if (began && !this.#stop.signal.aborted) this.#options.onLeading();
      return 'written';
    } catch (error) {
      if (isConflict(error)) return 'conflict';
      this.#options.onError(error);
      return 'failed';
    }
  }

  async #write(action: Action & { do: 'write' }): Promise<LeaseRecord> {
    const { client, namespace, name, times, wallClock } = this.#options;
    const nowText = microTime(wallClock());
    const exists = action.resourceVersion !== '';
    const lease = {
      metadata: { name, namespace, ...(exists ? { resourceVersion: action.resourceVersion } : {}) },
      spec: {
        holderIdentity: action.holder,
        leaseDurationSeconds: Math.round(times.durationMs / 1000),
        acquireTime: action.acquireTime === '' ? nowText : action.acquireTime,
        renewTime: nowText,
        leaseTransitions: action.transitions,
      },
    };
    return recordOf(
      exists ? await client.update(LEASES, namespace, name, lease) : await client.create(LEASES, namespace, lease),
    );
  }
}

function recordOf(raw: RawObject): LeaseRecord {
  const spec = (raw.spec ?? {}) as Record<string, string | number | undefined>;
  return {
    holder: String(spec['holderIdentity'] ?? ''),
    durationMs: Number(spec['leaseDurationSeconds'] ?? 0) * 1000,
    renewTime: String(spec['renewTime'] ?? ''),
    acquireTime: String(spec['acquireTime'] ?? ''),
    transitions: Number(spec['leaseTransitions'] ?? 0),
    resourceVersion: String(raw.metadata?.['resourceVersion'] ?? ''),
  };
}

/** Kubernetes' MicroTime wants six digits of a second. */
function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
