/** The command table: every family's rows, composed in one place. */
import type { Types } from '../types/index.ts';
import { aclCommands } from './acl.ts';
import { bitfieldCommands } from './bitfield.ts';
import { bitmapCommands } from './bitmaps.ts';
import { clusterCommands } from './cluster.ts';
import { clusterScanCommands } from './cluster-scan.ts';
import type { Command } from './command.ts';
import { commandLogCommands } from './commandlog.ts';
import { connectionCommands } from './connection.ts';
import { debugCommands } from './debug.ts';
import { dumpCommands } from './dump.ts';
import { functionCommands } from './functions.ts';
import { geoCommands } from './geo.ts';
import { hashCommands } from './hashes.ts';
import { hashExpiryCommands } from './hashes-expiry.ts';
import { hashOptionCommands } from './hashes-options.ts';
import { hyperLogLogCommands } from './hyperloglog.ts';
import { keyCommands } from './keys.ts';
import { copyCommands } from './keys-copy.ts';
import { expiryCommands } from './keys-expiry.ts';
import { flushCommands } from './keys-flush.ts';
import { objectCommands } from './keys-object.ts';
import { scanCommands } from './keys-scan.ts';
import { latencyCommands } from './latency.ts';
import { listCommands } from './lists.ts';
import { lolwutCommands } from './lolwut.ts';
import { memoryCommands } from './memory.ts';
import { migrateCommands } from './migrate.ts';
import { moduleCommands } from './module.ts';
import { monitorCommands } from './monitor.ts';
import { persistenceCommands } from './persistence.ts';
import { pubsubCommands } from './pubsub.ts';
import { replicationCommands } from './replication.ts';
import { scriptingCommands } from './scripting.ts';
import { serverCommands } from './server.ts';
import { setCommands } from './sets.ts';
import { setAlgebraCommands } from './sets-algebra.ts';
import { sortCommands } from './sort.ts';
import { sortedSetCommands } from './sorted-sets.ts';
import { streamCommands } from './streams.ts';
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
    hashExpiryCommands(types),
    hashOptionCommands(types),
    listCommands(types),
    setCommands(types),
    setAlgebraCommands(types),
    sortedSetCommands(types),
    streamCommands(types),
    geoCommands(types),
    keyCommands,
    copyCommands(types),
    expiryCommands,
    flushCommands,
    objectCommands,
    scanCommands,
    sortCommands(types),
    dumpCommands,
    migrateCommands,
    connectionCommands,
    aclCommands,
    monitorCommands,
    commandLogCommands,
    latencyCommands,
    memoryCommands(types),
    moduleCommands,
    lolwutCommands,
    serverCommands,
    transactionCommands,
    scriptingCommands,
    functionCommands,
    pubsubCommands,
    persistenceCommands,
    debugCommands,
    replicationCommands,
    clusterCommands,
    clusterScanCommands(),
  ];
}
