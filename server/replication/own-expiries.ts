/**
 * Keys with a time to live that clients of a writable replica wrote. Its primary does not know them and will never delete them, so the
 * replica does. A key that the primary writes over meanwhile is looked at as it is then.
 * Source: Valkey 9.1 expire.c rememberReplicaKeyWithExpire, expireReplicaKeys.
 */
import type { Database } from '../keyspace/database.ts';
import { EXPIRY_IGNORED, type Keyspace } from '../keyspace/keyspace.ts';
import { slotOf } from '../keyspace/slot.ts';
import { NONE } from '../memory/arena.ts';

/** Beyond this further keys are hidden when their time has come, and stay. */
const MAX_KEYS = 100_000;
/** Looked at in a tick. */
const KEYS_A_TICK = 1000;

interface OwnKey {
  readonly database: number;
  readonly key: Uint8Array;
}

export class OwnExpiries {
  private readonly keyspace: Keyspace;
  /** By database and key; those that were looked at longest ago come first. */
  private readonly keys: Map<string, OwnKey> = new Map();

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace;
  }

  get count(): number {
    return this.keys.size;
  }

  /** A client changed a key. */
  written(database: Database, bytes: Uint8Array, from: number, to: number): void {
    if (this.keys.size === MAX_KEYS) return;
    if (database.findWithoutAccess(bytes, from, to) === NONE || !database.view.expires) return;
    const key = bytes.slice(from, to);
    this.keys.set(`${database.index} ${String.fromCharCode(...key)}`, { database: database.index, key });
  }

  /** Deletes what is past its time, and forgets what no longer has one. */
  expire(): void {
    const { keyspace } = this;
    const { expiryMode, slot } = keyspace;
    keyspace.expiryMode = EXPIRY_IGNORED;
    let left = Math.min(KEYS_A_TICK, this.keys.size);
    for (const [name, own] of this.keys) {
      if (left-- === 0) break;
      this.keys.delete(name);
      if (this.isAlive(own)) this.keys.set(name, own);
    }
    keyspace.expiryMode = expiryMode;
    keyspace.slot = slot;
  }

  private isAlive({ database: index, key }: OwnKey): boolean {
    const { keyspace } = this;
    const database = keyspace.databases[index]!;
    if (keyspace.slots > 1) keyspace.slot = slotOf(key, 0, key.length);
    if (database.findWithoutAccess(key, 0, key.length) === NONE || !database.view.expires) return false;
    if (database.view.expireAtMs() > keyspace.nowMs) return true;
    database.expire();
    return false;
  }

  clear(): void {
    this.keys.clear();
  }
}
