/**
 * Makes the table cursors over collections' inner tables, all with the keyspace's seed, and registers each with the keyspace,
 * so that a snapshot's guard covers what changes through any of them.
 */
import { HASH, SET, ZSET } from '../keyspace/entry.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { Table } from '../memory/table.ts';
import { HASH_KEY_OFFSET } from './hashes.ts';
import { SET_KEY_OFFSET } from './sets.ts';
import { ZSET_KEY_OFFSET } from './sorted-sets.ts';

export class InnerTables {
  readonly keyspace: Keyspace;

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace;
  }

  /** A new cursor over tables of a type: HASH, SET or ZSET. */
  table(type: number): Table {
    const { arena, seed, innerTables } = this.keyspace;
    const table = new Table(arena, keyOffsetOf(type), seed[0], seed[1]);
    innerTables.push(table);
    return table;
  }
}

function keyOffsetOf(type: number): number {
  if (type === HASH) return HASH_KEY_OFFSET;
  if (type === SET) return SET_KEY_OFFSET;
  if (type === ZSET) return ZSET_KEY_OFFSET;
  throw new Error(`types: collections of type ${type} have no table`);
}
