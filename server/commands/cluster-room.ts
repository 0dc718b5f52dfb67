/**
 * The cluster as commands reach it: `call.rooms.cluster`, null out of cluster mode.
 */
import type { Cluster } from '../cluster/cluster.ts';
import type { Migrations } from '../cluster/migration/migrations.ts';
import type { Call } from './call.ts';
import type { Client } from './client.ts';

export interface ClusterRoom {
  readonly cluster: Cluster;
  readonly migrations: Migrations;
}

/** The room, or null after the error was answered. */
export function clusterOf(call: Call): ClusterRoom | null {
  // The door of commands stands below the cluster and cannot name its type.
  const room = (call.rooms.cluster ?? null) as ClusterRoom | null;
  if (room === null) call.fail('ERR This instance has cluster support disabled');
  return room;
}

/** Clients that came over IPv6 are told IPv6 addresses where nodes announce both. */
export function isOverIpv6(client: Client): boolean {
  return client.address.startsWith('[') || client.address.split(':').length > 2;
}
