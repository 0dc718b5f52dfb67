/**
 * Writes that are confirmed by WAIT: each write leases one connection to the slot's primary, sends SET there, and WAIT on that same
 * connection once SET is acknowledged, for WAIT answers for the writes of its own connection only. iovalkey's cluster client gives
 * no such hold on a connection, so this keeps its own pool of plain iovalkey connections a node, none of which reconnects or sends again.
 * What a node has answered with MOVED, ASK, CLUSTERDOWN and the like did not happen: it is tried again until the deadline, and counts
 * as unconfirmed from then on, as does a write whose connection closes before WAIT answers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'iovalkey';
import { reasonOf } from './cluster-writer.ts';
import { SLOT_COUNT, shardsOf } from './slots.ts';
import type { Address, WriteOutcome, Writer } from './writer.ts';

const CONNECT_TIMEOUT_MS = 1_000;
/** One write, its redirects included. Above the 5 s for which a node may pause its writers during a hand-over. */
const WRITE_TIMEOUT_MS = 6_000;
/** A healthy replica answers within milliseconds; while there is none, each write holds its connection this long. */
export const WAIT_TIMEOUT_MS = 100;
const RETRY_DELAY_MS = 50;
/** No more than one look at the slot map in this time, however many writes ask for it. */
const MAP_REFRESH_INTERVAL_MS = 100;

/** Error codes with which a node says that the command was not carried out and may be tried again, there or elsewhere. */
const RETRIABLE_CODES: ReadonlySet<string> = new Set([
  'MOVED',
  'ASK',
  'TRYAGAIN',
  'CLUSTERDOWN',
  'LOADING',
  'READONLY',
  'MASTERDOWN',
  'NOREPLICAS',
  'UNBLOCKED',
]);

interface Redirect {
  readonly node: string;
  readonly asking: boolean;
}

export class PinnedWriter implements Writer {
  readonly #replicas: number;
  readonly #seeds: readonly Address[];
  readonly #pools = new Map<string, Redis[]>();
  readonly #owners: (string | undefined)[] = new Array(SLOT_COUNT);
  #refresh: Promise<void> | null = null;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #nextAsked = 0;
  #closed = false;

  /** `replicas` is what WAIT is asked for; 0 sends no WAIT. */
  constructor(seeds: readonly Address[], replicas: number) {
    this.#seeds = seeds;
    this.#replicas = replicas;
  }

  async open(): Promise<void> {
    await this.#lookAgain();
  }

  async reopen(): Promise<void> {
    for (const pool of this.#pools.values()) for (const connection of pool.splice(0)) connection.disconnect();
    this.#owners.fill(undefined);
    await this.#lookAgain();
  }

  async overwrite(key: string, slot: number, value: string): Promise<WriteOutcome> {
    const deadlineMs = performance.now() + WRITE_TIMEOUT_MS;
    let undisturbed = true;
    let reason = 'the slot has no known owner';
    let redirect = null as Redirect | null;
    while (performance.now() < deadlineMs && !this.#closed) {
      const node: string | undefined = redirect?.node ?? this.#owners[slot];
      const connection: Redis | Error = node === undefined ? new Error(reason) : await this.#lease(node);
      if (connection instanceof Error || node === undefined) {
        reason = reasonOf(connection);
        undisturbed = false;
        redirect = null;
        await this.#lookAgain();
        continue;
      }
      const answer = await this.#set(connection, key, value, redirect?.asking === true, deadlineMs);
      if (answer.kind === 'acknowledged') {
        const confirmed = (await this.#wait(connection)) && undisturbed;
        this.#release(node, connection);
        return { ...answer, confirmed };
      }
      if (answer.kind === 'indeterminate') {
        connection.disconnect();
        return answer;
      }
      this.#release(node, connection);
      reason = answer.reason;
      const [code = '', , target] = reason.split(' ');
      if (!RETRIABLE_CODES.has(code)) return answer;
      undisturbed = false;
      redirect =
        target !== undefined && (code === 'MOVED' || code === 'ASK')
          ? { node: addressedAs(target, node), asking: code === 'ASK' }
          : null;
      if (redirect === null) await this.#lookAgain();
      else if (code === 'MOVED') this.#owners[slot] = redirect.node;
    }
    return { kind: 'refused', reason };
  }

  async read(key: string, slot: number): Promise<string | null> {
    return await this.#once(slot, (connection) => connection.get(key));
  }

  async remove(key: string, slot: number): Promise<void> {
    await this.#once(slot, (connection) => connection.unlink(key));
  }

  close(): void {
    this.#closed = true;
    for (const pool of this.#pools.values()) for (const connection of pool.splice(0)) connection.disconnect();
  }

  async #set(
    connection: Redis,
    key: string,
    value: string,
    asking: boolean,
    deadlineMs: number,
  ): Promise<WriteOutcome> {
    const timer = setTimeout(() => connection.disconnect(), Math.max(1, deadlineMs - performance.now()));
    try {
      if (asking) await connection.call('ASKING');
      const previous = (await connection.call('SET', [key, value, 'GET'])) as string | null;
      return { kind: 'acknowledged', previous, acknowledgedAtMs: performance.now(), confirmed: false };
    } catch (error) {
      const reason = reasonOf(error);
      return { kind: isReply(error) ? 'refused' : 'indeterminate', reason };
    } finally {
      clearTimeout(timer);
    }
  }

  async #wait(connection: Redis): Promise<boolean> {
    if (this.#replicas === 0) return false;
    const timer = setTimeout(() => connection.disconnect(), WAIT_TIMEOUT_MS + WRITE_TIMEOUT_MS);
    try {
      const count = await connection.call('WAIT', [this.#replicas, WAIT_TIMEOUT_MS]);
      return typeof count === 'number' && count >= this.#replicas;
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  /** One command at the slot's primary; on a failure the slot map is refreshed for the caller's next try. */
  async #once<T>(slot: number, run: (connection: Redis) => Promise<T>): Promise<T> {
    const node = this.#owners[slot];
    const connection = node === undefined ? new Error('the slot has no known owner') : await this.#lease(node);
    if (connection instanceof Error || node === undefined) {
      await this.#lookAgain();
      throw connection;
    }
    const timer = setTimeout(() => connection.disconnect(), WRITE_TIMEOUT_MS);
    try {
      const result = await run(connection);
      this.#release(node, connection);
      return result;
    } catch (error) {
      if (isReply(error)) this.#release(node, connection);
      else connection.disconnect();
      await this.#lookAgain();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #lease(node: string): Promise<Redis | Error> {
    const pool = this.#pools.get(node);
    for (let idle = pool?.pop(); idle !== undefined; idle = pool?.pop()) {
      if (idle.status === 'ready') return idle;
      idle.disconnect();
    }
    return await dial(node);
  }

  #release(node: string, connection: Redis): void {
    if (this.#closed || connection.status !== 'ready') {
      connection.disconnect();
      return;
    }
    const pool = this.#pools.get(node);
    if (pool === undefined) this.#pools.set(node, [connection]);
    else pool.push(connection);
  }

  /** A pause, and a fresh slot map: what a write does before it tries again. */
  async #lookAgain(): Promise<void> {
    this.#refresh ??= this.#refreshMap().finally(() => {
      this.#refresh = null;
    });
    await this.#refresh;
  }

  async #refreshMap(): Promise<void> {
    const sinceMs = performance.now() - this.#refreshedAtMs;
    await sleep(
      Math.max(
        this.#refreshedAtMs === Number.NEGATIVE_INFINITY ? 0 : RETRY_DELAY_MS,
        MAP_REFRESH_INTERVAL_MS - sinceMs,
      ),
    );
    this.#refreshedAtMs = performance.now();
    const known = [...new Set([...this.#seeds.map(nameOf), ...this.#owners.filter((owner) => owner !== undefined)])];
    // Another node every time: the one that answers first may be the one that is cut off and knows least.
    for (let tried = 0; tried < known.length; tried++) {
      const node = known[this.#nextAsked++ % known.length] ?? '';
      const connection = await this.#lease(node);
      if (connection instanceof Error) continue;
      const timer = setTimeout(() => connection.disconnect(), CONNECT_TIMEOUT_MS);
      try {
        const reply = await connection.cluster('SLOTS');
        this.#adopt(reply, hostOf(node));
        this.#release(node, connection);
        return;
      } catch {
        connection.disconnect();
      } finally {
        clearTimeout(timer);
      }
    }
  }

  #adopt(reply: unknown, asked: string): void {
    for (const shard of shardsOf(reply, asked)) {
      const name = nameOf(shard);
      for (const { start, end } of shard.ranges) this.#owners.fill(name, start, end + 1);
    }
  }
}

async function dial(node: string): Promise<Redis | Error> {
  const connection = new Redis({
    host: hostOf(node),
    port: Number(node.slice(node.lastIndexOf(':') + 1)),
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  connection.on('error', () => {}); // Told by the call that it fails.
  try {
    await connection.connect();
    return connection;
  } catch (error) {
    connection.disconnect();
    return new Error(`${node}: ${reasonOf(error)}`);
  }
}

/** Whether the node itself said so, in place of a connection that broke. */
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

function nameOf({ host, port }: Address): string {
  return `${host}:${port}`;
}

function hostOf(node: string): string {
  return node.slice(0, node.lastIndexOf(':'));
}

/** MOVED may leave the host out, which means the one that answered. */
function addressedAs(target: string, answeredBy: string): string {
  return target.startsWith(':') ? hostOf(answeredBy) + target : target;
}
