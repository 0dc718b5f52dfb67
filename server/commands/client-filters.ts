/**
 * The filters of CLIENT LIST and CLIENT KILL, and their negations. Source: Valkey 9.1 networking.c parseClientFiltersOrReply.
 * One table: a word, what its value must be, and which clients it admits. `NOT-` before a word turns it around.
 */
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { type Client, IMPORT_CLIENT, NORMAL_CLIENT, PUBSUB_CLIENT, REPLICA_CLIENT, STREAM_CLIENT } from './client.ts';
import { CLIENT_FLAGS, flagsOf } from './client-info.ts';

export interface ClientFilter {
  admits(client: Client): boolean;
  readonly skipMe: boolean;
}

type Admits = (client: Client) => boolean;

/** Reads a filter's value; answers the error and returns null when it is wrong. `not` is '' or 'NOT-'. */
type Reader = (call: Call, index: number, not: string) => Admits | null;

const TYPES: Readonly<Record<string, readonly number[]>> = {
  normal: [NORMAL_CLIENT, IMPORT_CLIENT],
  pubsub: [PUBSUB_CLIENT],
  replica: [REPLICA_CLIENT],
  slave: [REPLICA_CLIENT],
  primary: [STREAM_CLIENT],
  master: [STREAM_CLIENT],
};

function refuse(call: Call, error: string): null {
  call.fail(error);
  return null;
}

function text(of: (client: Client) => string): Reader {
  return (call, index) => {
    const value = call.text(index);
    return (client) => of(client) === value;
  };
}

/** An unset name is equal to no value. */
function setText(of: (client: Client) => string): Reader {
  return (call, index) => {
    const value = call.text(index);
    return (client) => of(client) !== '' && of(client) === value;
  };
}

function letters(known: string, word: string, ofClient: (client: Client) => string): Reader {
  return (call, index, not) => {
    const wanted = [...call.text(index)];
    if (wanted.some((letter) => !known.includes(letter))) {
      const where = not === '' ? 'provided' : `${not}${word.toUpperCase()}`;
      return refuse(call, `ERR Unknown ${word} found in the ${where} filter: ${wanted.join('')}`);
    }
    return (client) => wanted.every((letter) => ofClient(client).includes(letter));
  };
}

function seconds(word: string, of: (client: Client, nowSeconds: number) => number): Reader {
  return (call, index) => {
    const wanted = call.integer(index, `ERR ${word} is not an integer or out of range`);
    if (call.failed) return null;
    if (wanted <= 0) return refuse(call, `ERR ${word} should be greater than 0`);
    const nowSeconds = Math.floor(call.nowMs / 1000);
    return (client) => of(client, nowSeconds) >= wanted;
  };
}

/** Port 0 is no address. */
function ofIp(client: Client): string {
  const colon = client.address.lastIndexOf(':');
  const ip = client.address.slice(0, colon).replace(/^\[|\]$/g, '');
  return client.address[colon + 1] === '0' ? '' : ip;
}

const READERS: Readonly<Record<string, Reader>> = {
  TYPE(call, index) {
    const kinds = TYPES[call.text(index).toLowerCase()];
    if (kinds === undefined) return refuse(call, `ERR Unknown client type '${call.text(index)}'`);
    return (client) => kinds.includes(client.kind);
  },
  ADDR: text((client) => client.address),
  LADDR: text((client) => client.localAddress),
  NAME: setText((client) => client.name),
  'LIB-NAME': setText((client) => client.libraryName),
  'LIB-VER': setText((client) => client.libraryVersion),
  IP: setText(ofIp),
  FLAGS: letters(CLIENT_FLAGS, 'flags', (client) => (client.monitor ? `${flagsOf(client)}S` : flagsOf(client))),
  CAPA: letters('r', 'capa', (client) => (client.redirectCapable ? 'r' : '')),
  USER(call, index) {
    const user = call.rooms.acl.find(call.latin1(index));
    if (user === null) return refuse(call, `ERR No such user '${call.text(index)}'`);
    return (client) => client.user === user;
  },
  DB(call, index, not) {
    const database = call.integer(index, `ERR ${not}DB is not an integer or out of range`);
    if (call.failed) return null;
    const { length } = call.keyspace.databases;
    if (database < 0 || database >= length)
      return refuse(call, `ERR ${not}DB number should be between 0 and ${length - 1}`);
    return (client) => client.databaseIndex === database;
  },
};

/** Filters without a negation. */
const PLAIN_READERS: Readonly<Record<string, Reader>> = {
  MAXAGE: seconds('maxage', (client, now) => now - Math.floor(client.createdAtMs / 1000)),
  IDLE: seconds('idle', (client, now) => now - client.lastInteractionSeconds),
};

const INTEGER = /^-?(0|[1-9]\d*)$/;

/** Reads filters from argument `from` to the end; answers the error and returns null when one is wrong. */
export function filtersFrom(call: Call, from: number, skipMeAtFirst: boolean): ClientFilter | null {
  /** By word: given twice, the later one counts. */
  const filters: Map<string, Admits> = new Map();
  const ids: Map<string, Set<number>> = new Map();
  let skipMe = skipMeAtFirst;
  for (let i = from; i < call.count; ) {
    const word = call.text(i).toUpperCase();
    const not = word.startsWith('NOT-') ? 'NOT-' : '';
    const positive = word.slice(not.length);
    if (positive === 'ID') {
      // Ids add up over several such filters.
      const set = ids.get(not) ?? new Set();
      ids.set(not, set);
      for (i++; i < call.count && INTEGER.test(call.text(i)); i++) {
        const id = Number(call.text(i));
        if (id < 1) return refuse(call, 'ERR client-id should be greater than 0');
        set.add(id);
      }
      continue;
    }
    if (i + 1 >= call.count) return refuse(call, ERR_SYNTAX);
    if (word === 'SKIPME' && (call.is(i + 1, 'YES') || call.is(i + 1, 'NO'))) skipMe = call.is(i + 1, 'YES');
    else {
      const reader = READERS[positive] ?? (not === '' ? PLAIN_READERS[word] : undefined);
      if (reader === undefined) return refuse(call, ERR_SYNTAX);
      const admits = reader(call, i + 1, not);
      if (admits === null) return null;
      filters.set(word, not === '' ? admits : (client) => !admits(client));
    }
    i += 2;
  }
  for (const [not, set] of ids) filters.set(`${not}ID`, (client) => set.has(client.id) === (not === ''));
  const all = [...filters.values()];
  return { admits: (client) => all.every((admits) => admits(client)), skipMe };
}
