import { beforeEach, describe, expect, test } from 'vitest';
import { Client } from '../commands/client.ts';
import { Clients } from '../commands/clients.ts';
import { parseOutputLimits } from '../config/directives.ts';
import { DatasetModel } from '../persistence/dataset-model.ts';
import { RdbWriter } from '../persistence/rdb/rdb-writer.ts';
import { Snapshot } from '../persistence/snapshot.ts';
import { AWAITING_ACK, ONLINE, Primary, type PrimarySettings, SENDING_SNAPSHOT, stateOf } from './primary.ts';
import { WriteLog } from './write-log.ts';

const ID = 'a'.repeat(40);
const MARK = 'e'.repeat(40);
const LIMITS = 'normal 0 0 0 slave 1000 0 0 pubsub 0 0 0';

let clients: Clients;
let log: WriteLog;
let primary: Primary;
let settings: PrimarySettings;
let logged: string[];
let versions: number[];
let failure: string;
let closedSnapshots: number;
let refusal: string | null;
let nextClient = 1;

/** A connection whose peer takes everything at the end of each turn. */
function connectClient(): { client: Client; received: () => string; ended: () => boolean } {
  const client = new Client(nextClient++, '10.0.0.2:50000', '10.0.0.1:6379', 0, true);
  let text = '';
  let destroyed = false;
  clients.add(client, {
    flush: () => {
      for (let i = 0; i < client.output.length; i++) text += String.fromCharCode(client.output.bytes![i]!);
      client.output.length = 0;
    },
    resume: () => {},
    destroy: () => {
      destroyed = true;
    },
    unsentBytes: () => 0,
  });
  return {
    client,
    received: () => {
      clients.settle();
      const all = text;
      text = '';
      return all;
    },
    ended: () => destroyed,
  };
}

function introduce(client: Client, version = '9.1.2'): void {
  primary.configure(client, 'listening-port', '7002', 0);
  primary.configure(client, 'capa', 'eof', 0);
  primary.configure(client, 'capa', 'psync2', 0);
  if (version !== '') primary.configure(client, 'version', version, 0);
}

function write(value: string): void {
  const input = Uint8Array.from(`set${value}`, (character) => character.charCodeAt(0));
  log.appendCommand(0, -1, input, Int32Array.of(0, 3), Int32Array.of(3, input.length), 2);
}

/** A replica that is online at the log's end. */
function online(): ReturnType<typeof connectClient> {
  const connection = connectClient();
  introduce(connection.client);
  primary.synchronise(connection.client, '?', -1, 0);
  while (primary.work(1000)) clients.settle();
  primary.configure(connection.client, 'ack', '0', 0);
  primary.pump();
  connection.received();
  return connection;
}

beforeEach(() => {
  clients = new Clients(parseOutputLimits(LIMITS, null)!);
  log = new WriteLog(ID);
  settings = {
    pingPeriodMs: 10_000,
    timeoutMs: 60_000,
    backlogBytes: 1_000_000,
    backlogTtlMs: 3_600_000,
    minReplicas: 0,
    minReplicasMaxLagMs: 10_000,
  };
  logged = [];
  versions = [];
  failure = '';
  closedSnapshots = 0;
  refusal = null;
  primary = new Primary(log, settings, {
    clients,
    log: (_level, message) => logged.push(message),
    randomId: () => MARK,
    durablePosition: () => -1,
    openSnapshot: (version) => {
      versions.push(version);
      const writer = new RdbWriter({
        version,
        serverVersion: '9.1.2',
        createdAtSeconds: 0,
        usedMemoryBytes: 0,
        replication: null,
      });
      return new Snapshot(writer, 1, { slots: null, queueLimitBytes: 1_000_000 });
    },
    slice: (snapshot) => {
      snapshot.failure = failure;
      if (failure !== '') return;
      new DatasetModel().set(0, 'key', { type: 0, value: 'value' }).tell(snapshot.consumer);
      snapshot.done = true;
    },
    closeSnapshot: () => {
      closedSnapshots++;
    },
    syncRefusal: () => refusal,
  });
});

describe('a primary', () => {
  test('sends a new replica its snapshot between end marks, and the stream only after the first acknowledgement', () => {
    const { client, received } = connectClient();
    introduce(client);
    expect(primary.synchronise(client, '?', -1, 0)).toBeNull();
    expect(stateOf(client).state).toBe(SENDING_SNAPSHOT);
    write('during');
    while (primary.work(1000)) clients.settle();
    primary.pump();
    const first = received();
    expect(first.startsWith(`+FULLRESYNC ${ID} 0\r\n$EOF:${MARK}\r\nVALKEY080`)).toBe(true);
    expect(first.endsWith(MARK)).toBe(true);
    expect(stateOf(client).state).toBe(AWAITING_ACK);
    expect(closedSnapshots).toBe(1);
    expect(primary.configure(client, 'ack', '0', 5)).toBeUndefined();
    primary.pump();
    expect(stateOf(client).state).toBe(ONLINE);
    expect(received()).toContain('$6\r\nduring\r\n');
  });

  test('writes the older RDB version for a replica that does not say it is 9 or later', () => {
    for (const version of ['', '8.1.0', '9.0.0']) {
      const { client } = connectClient();
      introduce(client, version);
      primary.synchronise(client, '?', -1, 0);
    }
    expect(versions).toEqual([11, 11, 80]);
  });

  test('lets a replica continue from the backlog', () => {
    online();
    write('one');
    const { position } = log;
    write('two');
    const { client, received } = connectClient();
    introduce(client);
    primary.synchronise(client, ID, position + 1, 0);
    primary.pump();
    const text = received();
    expect(text.startsWith(`+CONTINUE ${ID}\r\n`)).toBe(true);
    expect(text).toContain('two');
    expect(text).not.toContain('one');
    expect([primary.fullSyncs, primary.partialSyncs, primary.partialSyncsRefused]).toEqual([1, 1, 0]);
  });

  test('synchronises a replica anew that knows another history', () => {
    online();
    const { client, received } = connectClient();
    introduce(client);
    primary.synchronise(client, 'f'.repeat(40), 1, 0);
    expect(received()).toContain('+FULLRESYNC');
    expect(primary.partialSyncsRefused).toBe(1);
  });

  test('refuses replicas while it has lost its own primary', () => {
    const { client } = connectClient();
    introduce(client);
    refusal = "NOMASTERLINK Can't SYNC while not connected with my master";
    expect(primary.synchronise(client, '?', -1, 0)).toBe(refusal);
    expect(primary.replicas.length).toBe(0);
    refusal = null;
  });

  test('tells a replica that takes no end mark how long its snapshot is, and goes on with the stream at once', () => {
    const old = connectClient();
    expect(primary.synchronise(old.client, null, -1, 0)).toBeNull();
    while (primary.work(1000));
    const text = old.received();
    const [, length, start] = /^\$(\d+)\r\n(.{9})/s.exec(text)!;
    expect(start).toMatch(/^(REDIS0011|VALKEY080)$/);
    expect(text.length).toBe(`$${length}\r\n`.length + Number(length));
    expect(primary.replicas[0]!.state).toBe(ONLINE);
  });

  test('ends the link of a replica whose snapshot failed', () => {
    failure = 'writes outran it';
    const { client, ended } = connectClient();
    introduce(client);
    primary.synchronise(client, '?', -1, 0);
    primary.work(1000);
    expect(ended()).toBe(true);
    expect(primary.replicas.length).toBe(0);
    expect(log.readerCount).toBe(0);
    expect(logged.some((line) => line.includes('its snapshot failed: writes outran it'))).toBe(true);
  });

  test('ends the link of a replica that falls too far behind or is silent', () => {
    const slow = online();
    write('x'.repeat(1100));
    primary.tick(100, true);
    primary.tick(200, true);
    expect(slow.ended()).toBe(true);
    const silent = online();
    primary.tick(60_000, true);
    expect(silent.ended()).toBe(false);
    primary.tick(60_001, true);
    expect(silent.ended()).toBe(true);
  });

  test('tells idle replicas that it lives', () => {
    const { received } = online();
    primary.tick(10_000, true);
    primary.pump();
    expect(received()).toBe('*1\r\n$4\r\nPING\r\n');
    primary.tick(15_000, true);
    primary.pump();
    expect(received()).toBe('');
    primary.tick(20_000, false);
    primary.pump();
    expect(received()).toBe('');
  });

  test('ends a WAIT when enough replicas have everything, and asks them for it', () => {
    const one = online();
    const two = online();
    const waiting = connectClient();
    write('value');
    primary.wait(waiting.client, 2, 0);
    primary.pump();
    expect(one.received()).toContain('GETACK');
    primary.configure(one.client, 'ack', String(log.position), 10);
    expect(waiting.received()).toBe('');
    primary.configure(two.client, 'ack', String(log.position), 20);
    expect(waiting.received()).toBe(':2\r\n');
  });

  test('answers a WAIT whose time is up with those that have everything', () => {
    const one = online();
    const waiting = connectClient();
    write('value');
    primary.wait(waiting.client, 2, 1000);
    primary.configure(one.client, 'ack', String(log.position), 10);
    clients.tick(999);
    expect(waiting.received()).toBe('');
    clients.tick(1000);
    expect(waiting.received()).toBe(':1\r\n');
  });

  test('lacks replicas when too few have acknowledged lately', () => {
    settings.minReplicas = 1;
    expect(primary.lacksReplicas).toBe(true);
    const { client } = online();
    expect(primary.lacksReplicas).toBe(false);
    primary.tick(10_001, true);
    expect(primary.lacksReplicas).toBe(true);
    primary.configure(client, 'ack', '0', 10_002);
    expect(primary.lacksReplicas).toBe(false);
  });

  test('frees the backlog after long without replicas, and renames the history', () => {
    const { client } = online();
    primary.tick(1000, true);
    primary.gone(client);
    primary.tick(3_600_000, true);
    expect(log.hasBacklog).toBe(true);
    primary.tick(3_601_001, true);
    expect(log.hasBacklog).toBe(false);
    expect(log.id).toBe(MARK);
  });

  test('knows the options of REPLCONF, and says so of others', () => {
    const { client } = connectClient();
    expect(primary.configure(client, 'listening-port', 'x', 0)).toBe('ERR value is not an integer or out of range');
    expect(primary.configure(client, 'version', '9', 0)).toBe('ERR Unrecognized version format: 9');
    expect(primary.configure(client, 'nonsense', '1', 0)).toBe('ERR Unrecognized REPLCONF option: nonsense');
    expect(primary.configure(client, 'capa', 'of-the-future', 0)).toBeNull();
  });
});
