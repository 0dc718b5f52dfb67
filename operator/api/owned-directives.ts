/**
 * The directives that the operator sets itself, each with the reason why `spec.config` may not.
 * The manifest check, the CRD's CEL rule and the documentation all read this one table.
 */
export const OWNED_DIRECTIVES: Readonly<Record<string, string>> = {
  appendonly: 'spec.persistence decides it',
  bind: 'the platform decides where a node listens',
  'cluster-announce-bus-port': "the platform knows a node's address",
  'cluster-announce-client-ipv4': "the platform knows a node's address",
  'cluster-announce-client-ipv6': "the platform knows a node's address",
  'cluster-announce-hostname': "the platform knows a node's address",
  'cluster-announce-human-nodename':
    "it carries the cluster's uid, by which the operator tells its own nodes from strangers",
  'cluster-announce-ip': "the platform knows a node's address",
  'cluster-announce-port': "the platform knows a node's address",
  'cluster-announce-tls-port': "the platform knows a node's address",
  'cluster-allow-replica-migration': "a replica stays in its shard's StatefulSet",
  'cluster-config-file': "it lies on the node's volume",
  'cluster-enabled': 'a ValkeyCluster is always a cluster',
  'cluster-migration-barrier': "a replica stays in its shard's StatefulSet",
  'cluster-node-timeout': 'the published failover time rests on it',
  'cluster-port': "the platform knows a node's address",
  'cluster-replica-no-failover': 'a replica must be able to take over',
  daemonize: 'the platform runs the process',
  dbfilename: "it lies on the node's volume",
  dir: "it is where the node's volume is mounted",
  include: 'the whole configuration is in the resource',
  logfile: 'logs go to standard output',
  masterauth: 'the operator sets both sides of a password',
  pidfile: 'the platform runs the process',
  port: 'the platform decides where a node listens',
  primaryauth: 'the operator sets both sides of a password',
  'replica-announce-ip': "the platform knows a node's address",
  'replica-announce-port': "the platform knows a node's address",
  replicaof: 'the cluster decides who follows whom',
  requirepass: 'the operator sets both sides of a password',
  save: 'spec.persistence decides it',
  'shutdown-on-sigterm': 'a primary must hand over before it stops',
  slaveof: 'the cluster decides who follows whom',
  supervised: 'the platform runs the process',
  'tls-port': 'the platform decides where a node listens',
  unixsocket: 'the platform decides where a node listens',
};

/** Why a directive is the operator's, or undefined when it is the user's. Directive names have no case. */
export function ownedBecause(directive: string): string | undefined {
  const name = directive.toLowerCase();
  return Object.hasOwn(OWNED_DIRECTIVES, name) ? OWNED_DIRECTIVES[name] : undefined;
}
