/**
 * The flags of a cluster node: as they travel in bus headers and gossip, and as CLUSTER NODES and nodes.conf name them.
 * Source: Valkey 9.1 cluster bus (`CLUSTER_NODE_*`).
 */

export const PRIMARY = 1 << 0;
export const REPLICA = 1 << 1;
/** Not answering in time from our own view; needs the agreement of a majority to become FAIL. */
export const PFAIL = 1 << 2;
export const FAIL = 1 << 3;
export const MYSELF = 1 << 4;
/** Its first ping is still to be exchanged, so its name is not known yet. */
export const HANDSHAKE = 1 << 5;
export const NOADDR = 1 << 6;
/** Is sent MEET until it answers. */
export const MEET_PENDING = 1 << 7;
/** A primary that had replicas, to which replicas of others may migrate when it has none left. */
export const MIGRATE_TO = 1 << 8;
export const NOFAILOVER = 1 << 9;
export const EXTENSIONS = 1 << 10;
export const LIGHT_PUBLISH = 1 << 11;
/** Understands the light header for modules; introduced together with the repeated MEET. */
export const LIGHT_MODULE = 1 << 12;
/** A replica that sees its primary as FAIL: its offset moves no more. */
export const MY_PRIMARY_FAIL = 1 << 13;

/** What this implementation understands, announced to every peer. */
export const OWN_ABILITIES = EXTENSIONS | LIGHT_PUBLISH | LIGHT_MODULE;

const NAMES: readonly (readonly [flag: number, name: string])[] = [
  [MYSELF, 'myself'],
  [PRIMARY, 'master'],
  [REPLICA, 'slave'],
  [PFAIL, 'fail?'],
  [FAIL, 'fail'],
  [HANDSHAKE, 'handshake'],
  [NOADDR, 'noaddr'],
  [NOFAILOVER, 'nofailover'],
];

export function describeFlags(flags: number): string {
  const names = NAMES.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
  return names.length === 0 ? 'noflags' : names.join(',');
}

/** Reads the words of nodes.conf; returns null for a word that is not a flag. */
export function parseFlags(text: string): number | null {
  let flags = 0;
  for (const word of text.toLowerCase().split(',')) {
    if (word === 'noflags') continue;
    const alias = word === 'primary' ? 'master' : word === 'replica' ? 'slave' : word;
    const known = NAMES.find(([, name]) => name === alias);
    if (known === undefined) return null;
    flags |= known[0];
  }
  return flags;
}
