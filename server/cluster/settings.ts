/**
 * What a user may set about the cluster, as values that are read at each use (CONFIG SET changes the object in place).
 * The directive's name stands beside each; empty text and 0 mean "not announced".
 */

export type PreferredEndpoint = 'ip' | 'hostname' | 'unknown-endpoint';

export interface ClusterSettings {
  /** port */
  port: number;
  /** tls-port; the bus itself runs without TLS */
  tlsPort: number;
  /** cluster-port; 0: the port plus 10000 */
  busPort: number;
  /** cluster-node-timeout */
  nodeTimeoutMs: number;
  /** cluster-ping-interval; 0: half of the node timeout */
  pingIntervalMs: number;
  /** cluster-require-full-coverage */
  requireFullCoverage: boolean;
  /** cluster-allow-reads-when-down */
  allowReadsWhenDown: boolean;
  /** cluster-allow-pubsubshard-when-down */
  allowPubsubShardWhenDown: boolean;
  /** cluster-replica-validity-factor */
  replicaValidityFactor: number;
  /** cluster-migration-barrier */
  migrationBarrier: number;
  /** cluster-allow-replica-migration */
  allowReplicaMigration: boolean;
  /** cluster-replica-no-failover */
  replicaNoFailover: boolean;
  /** cluster-announce-ip */
  announceIp: string;
  /** cluster-announce-port */
  announcePort: number;
  /** cluster-announce-tls-port */
  announceTlsPort: number;
  /** cluster-announce-bus-port */
  announceBusPort: number;
  /** cluster-announce-hostname */
  announceHostname: string;
  /** cluster-announce-human-nodename */
  announceHumanNodename: string;
  /** cluster-announce-client-ipv4 */
  announceClientIpv4: string;
  /** cluster-announce-client-ipv6 */
  announceClientIpv6: string;
  /** cluster-announce-client-port */
  announceClientPort: number;
  /** cluster-announce-client-tls-port */
  announceClientTlsPort: number;
  /** availability-zone */
  availabilityZone: string;
  /** cluster-preferred-endpoint-type */
  preferredEndpoint: PreferredEndpoint;
  /** cluster-manual-failover-timeout */
  manualFailoverTimeoutMs: number;
  /** cluster-blacklist-ttl */
  blacklistTtlSeconds: number;
  /** cluster-link-sendbuf-limit; 0: none */
  linkSendBufferLimitBytes: number;
  /** repl-ping-replica-period */
  replicationPingPeriodMs: number;
  /** repl-timeout */
  replicationTimeoutMs: number;
  /** slot-migration-max-failover-repl-bytes; -1: pause at once */
  slotMigrationMaxFailoverReplBytes: number;
  /** cluster-slot-migration-log-max-len */
  slotMigrationLogMaxLen: number;
  /** primaryauth; empty: none */
  primaryAuth: string;
  /** primaryuser */
  primaryUser: string;
}

/** Valkey's defaults. */
export function defaultSettings(port = 6379): ClusterSettings {
  return {
    port,
    tlsPort: 0,
    busPort: 0,
    nodeTimeoutMs: 15_000,
    pingIntervalMs: 0,
    requireFullCoverage: true,
    allowReadsWhenDown: false,
    allowPubsubShardWhenDown: true,
    replicaValidityFactor: 10,
    migrationBarrier: 1,
    allowReplicaMigration: true,
    replicaNoFailover: false,
    announceIp: '',
    announcePort: 0,
    announceTlsPort: 0,
    announceBusPort: 0,
    announceHostname: '',
    announceHumanNodename: '',
    announceClientIpv4: '',
    announceClientIpv6: '',
    announceClientPort: 0,
    announceClientTlsPort: 0,
    availabilityZone: '',
    preferredEndpoint: 'ip',
    manualFailoverTimeoutMs: 5000,
    blacklistTtlSeconds: 60,
    linkSendBufferLimitBytes: 0,
    replicationPingPeriodMs: 10_000,
    replicationTimeoutMs: 60_000,
    slotMigrationMaxFailoverReplBytes: 0,
    slotMigrationLogMaxLen: 1000,
    primaryAuth: '',
    primaryUser: '',
  };
}
