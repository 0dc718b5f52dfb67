/**
 * A node's raw answers -> a NodeReport.
 */
import { clusterUidOf, type NodeReport, type RawReport } from '../model/index.ts';
import { countKeys, numberOf, parseClusterNodes, parseInfo, parseMigrations, UnreadableReply } from './parse.ts';

/** The directive in which a node announces whose it is. */
export const NODENAME_DIRECTIVE = 'cluster-announce-human-nodename';

export function toReport(raw: RawReport): NodeReport {
  const info = parseInfo(raw.info);
  const clusterInfo = parseInfo(raw.clusterInfo);
  const table = parseClusterNodes(raw.clusterNodes);
  const myself = table.find((entry) => entry.myself);
  if (myself === undefined) throw new UnreadableReply('CLUSTER NODES: no line is marked myself');
  const { [NODENAME_DIRECTIVE]: nodename, ...config } = raw.config;
  const replica = myself.role === 'replica';
  return {
    nodeId: myself.nodeId,
    shardId: raw.shardId,
    role: myself.role,
    primaryId: myself.primaryId,
    linkUp: !replica || (info.get('master_link_status') === 'up' && numberOf(info, 'master_sync_in_progress', 0) === 0),
    offset: replica ? numberOf(info, 'slave_repl_offset', 0) : numberOf(info, 'master_repl_offset', 0),
    configEpoch: myself.configEpoch,
    currentEpoch: numberOf(clusterInfo, 'cluster_current_epoch', 0),
    slots: myself.slots,
    clusterOk: clusterInfo.get('cluster_state') === 'ok',
    loading: numberOf(info, 'loading', 0) !== 0 || numberOf(info, 'async_loading', 0) !== 0,
    keys: countKeys(info),
    usedMemoryBytes: numberOf(info, 'used_memory', 0),
    maxMemoryBytes: numberOf(info, 'maxmemory', 0),
    opsPerSecond: numberOf(info, 'instantaneous_ops_per_sec', 0),
    belongsTo: clusterUidOf(nodename ?? '') ?? null,
    table,
    migrations: parseMigrations(raw.slotMigrations),
    config,
  };
}
