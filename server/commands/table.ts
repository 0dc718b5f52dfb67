/** The command table: every family's rows, composed in one place. */
import type { Types } from '../types/index.ts';
import { bitfieldCommands } from './bitfield.ts';
import { bitmapCommands } from './bitmaps.ts';
import { clusterCommands } from './cluster.ts';
import type { Command } from './command.ts';
import { connectionCommands } from './connection.ts';
import { debugCommands } from './debug.ts';
import { dumpCommands } from './dump.ts';
import { hashCommands } from './hashes.ts';
import { hyperLogLogCommands } from './hyperloglog.ts';
import { keyCommands } from './keys.ts';
import { listCommands } from './lists.ts';
import { migrateCommands } from './migrate.ts';
import { persistenceCommands } from './persistence.ts';
import { pubsubCommands } from './pubsub.ts';
import { replicationCommands } from './replication.ts';
import { serverCommands } from './server.ts';
import { setCommands } from './sets.ts';
import { sortedSetCommands } from './sorted-sets.ts';
import { stringCommands } from './strings.ts';
import { counterCommands } from './strings-counters.ts';
import { stringRangeCommands } from './strings-ranges.ts';
import { transactionCommands } from './transactions.ts';

export function commandTable(types: Types): readonly (readonly Command[])[] {
  return [
    stringCommands,
    counterCommands,
    stringRangeCommands,
    bitmapCommands(),
    bitfieldCommands,
    hyperLogLogCommands(),
    hashCommands(types),
    listCommands(types),
    setCommands(types),
    sortedSetCommands(types),
    keyCommands,
    dumpCommands,
    migrateCommands,
    connectionCommands,
    serverCommands,
    transactionCommands,
    pubsubCommands,
    persistenceCommands,
    debugCommands(types),
    replicationCommands,
    clusterCommands,
  ];
}
