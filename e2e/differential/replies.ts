/** What of a reply may be compared. */

import { type Reply, sorted } from '../../server/testing/replies.ts';

/** Commands whose elements come in no particular order, and how many neighbours belong together. */
const UNORDERED: Readonly<Record<string, number>> = {
  KEYS: 1,
  SMEMBERS: 1,
  SINTER: 1,
  SUNION: 1,
  SDIFF: 1,
  HKEYS: 1,
  HVALS: 1,
  HGETALL: 2,
  SPOP: 1,
};
const SCANS: Readonly<Record<string, number>> = { SCAN: 1, SSCAN: 1, HSCAN: 2, ZSCAN: 2 };

/** A reply with what no order is promised for put in one. */
export function comparable(words: readonly string[], reply: Reply): Reply {
  const name = words[0]!.toUpperCase();
  if (typeof reply === 'string') return reply;
  // The process, and the version of what is not yet a server of its own, are told by HELLO.
  if (name === 'HELLO') return ['hello'];
  if (name === 'EXEC') return loose(reply);
  const scan = SCANS[name];
  if (scan !== undefined && Array.isArray(reply[2])) {
    const width = words.some((word) => word.toUpperCase() === 'NOVALUES') ? 1 : scan;
    return [reply[1]!, sorted(reply[2], width)];
  }
  const width = UNORDERED[name];
  return width === undefined ? reply : sorted(reply, width);
}

/** Of a transaction: each of its replies in any order; what HELLO tells is a connection's own. */
function loose(reply: Reply): Reply {
  if (typeof reply === 'string') return reply;
  return [reply[0]!, ...reply.slice(1).map((item) => (typeof item === 'string' ? item : ofAnyOrder(flat(item))))];
}

function ofAnyOrder(words: readonly string[]): Reply {
  return words.includes('$proto') ? ['hello'] : ['any', ...[...words].sort()];
}

function flat(reply: Reply): string[] {
  return typeof reply === 'string' ? [reply] : reply.slice(1).flatMap(flat);
}
