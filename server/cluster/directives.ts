/**
 * The cluster's settings as the directives of valkey.conf give them, now and after each CONFIG SET.
 */
import type { Settings } from '../config/settings.ts';
import { type ClusterSettings, defaultSettings, type PreferredEndpoint } from './settings.ts';

const SECOND_MS = 1000;

export function clusterSettingsOf(settings: Settings): ClusterSettings {
  const made = defaultSettings(settings.integer('port'));
  const follow = (name: string, take: () => void): void => settings.watch(name, take);
  const integer = (name: string, set: (value: number) => void): void => follow(name, () => set(settings.integer(name)));
  const flag = (name: string, set: (value: boolean) => void): void => follow(name, () => set(settings.flag(name)));
  const text = (name: string, set: (value: string) => void): void => follow(name, () => set(settings.text(name)));

  integer('port', (value) => (made.port = value));
  integer('cluster-port', (value) => (made.busPort = value));
  integer('cluster-node-timeout', (value) => (made.nodeTimeoutMs = value));
  flag('cluster-require-full-coverage', (value) => (made.requireFullCoverage = value));
  flag('cluster-allow-reads-when-down', (value) => (made.allowReadsWhenDown = value));
  flag('cluster-allow-pubsubshard-when-down', (value) => (made.allowPubsubShardWhenDown = value));
  integer('cluster-replica-validity-factor', (value) => (made.replicaValidityFactor = value));
  integer('cluster-migration-barrier', (value) => (made.migrationBarrier = value));
  flag('cluster-allow-replica-migration', (value) => (made.allowReplicaMigration = value));
  flag('cluster-replica-no-failover', (value) => (made.replicaNoFailover = value));
  text('cluster-announce-ip', (value) => (made.announceIp = value));
  integer('cluster-announce-port', (value) => (made.announcePort = value));
  integer('cluster-announce-bus-port', (value) => (made.announceBusPort = value));
  text('cluster-announce-hostname', (value) => (made.announceHostname = value));
  text('cluster-announce-human-nodename', (value) => (made.announceHumanNodename = value));
  text('cluster-announce-client-ipv4', (value) => (made.announceClientIpv4 = value));
  text('cluster-announce-client-ipv6', (value) => (made.announceClientIpv6 = value));
  text('availability-zone', (value) => (made.availabilityZone = value));
  text('cluster-preferred-endpoint-type', (value) => (made.preferredEndpoint = value as PreferredEndpoint));
  integer('cluster-manual-failover-timeout', (value) => (made.manualFailoverTimeoutMs = value));
  integer('cluster-blacklist-ttl', (value) => (made.blacklistTtlSeconds = value));
  integer('cluster-link-sendbuf-limit', (value) => (made.linkSendBufferLimitBytes = value));
  integer('repl-ping-replica-period', (value) => (made.replicationPingPeriodMs = value * SECOND_MS));
  integer('repl-timeout', (value) => (made.replicationTimeoutMs = value * SECOND_MS));
  integer('slot-migration-max-failover-repl-bytes', (value) => (made.slotMigrationMaxFailoverReplBytes = value));
  integer('cluster-slot-migration-log-max-len', (value) => (made.slotMigrationLogMaxLen = value));
  text('primaryauth', (value) => (made.primaryAuth = value));
  text('primaryuser', (value) => (made.primaryUser = value));
  return made;
}
