import { beforeEach, describe, expect, test } from 'vitest';
import type { ReplicaHost, ReplicaSettings, SnapshotLoad } from './replica.ts';
import { Replica } from './replica.ts';
import { WriteLog } from './write-log.ts';

const OWN_ID = 'a'.repeat(40);
const PRIMARY_ID = 'b'.repeat(40);
const NEW_ID = 'c'.repeat(40);
const MARK = 'd'.repeat(40);
const SNAPSHOT = 'SNAPSHOT';

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function words(bytes: Uint8Array): string {
  return new TextDecoder()
    .decode(bytes)
    .split('\r\n')
    .filter((line) => line !== '' && !/^[*$]\d/.test(line))
    .join(' ');
}

/** A node around a replica: keeps what it is told. A command is a line that ends in `;`. */
class Host implements ReplicaHost {
  readonly sent: string[] = [];
  readonly logged: string[] = [];
  readonly applied: string[] = [];
  loads: string[] = [];
  disconnected: string[] = [];
  resets = 0;
  link = 0;
  closed = 0;
  abandoned = 0;
  loadFailure: string | null = null;
  holdsStream = false;

  log(_level: string, message: string): void {
    this.logged.push(message);
  }
  connect(link: number): void {
    this.link = link;
  }
  send(bytes: Uint8Array): void {
    this.sent.push(words(bytes));
  }
  close(): void {
    this.closed++;
  }
  resetStream(): void {
    this.resets++;
  }
  durablePosition(): number {
    return -1;
  }

  takeoverEnded(refusal: string | null): void {
    this.sent.push(`takeover ${refusal ?? 'done'}`);
  }

  disconnectReplicas(reason: string): void {
    this.disconnected.push(reason);
  }
  beginLoad(): SnapshotLoad {
    this.loads.push('');
    return {
      push: (bytes, from, to) => {
        this.loads[this.loads.length - 1] += new TextDecoder().decode(bytes.subarray(from, to));
      },
      finish: () => this.loadFailure,
      failure: null,
      abandon: () => {
        this.abandoned++;
      },
    };
  }
  apply(bytes: Uint8Array, from: number, to: number): number {
    let done = from;
    for (let at = from; at < to; at++) {
      if (bytes[at] !== 59) continue;
      this.applied.push(new TextDecoder().decode(bytes.subarray(done, at)));
      done = at + 1;
    }
    return done - from;
  }
}

let host: Host;
let log: WriteLog;
let settings: ReplicaSettings;
let replica: Replica;

function make(fullSync = false): Replica {
  return new Replica('10.0.0.1', 6379, log, settings, host, {
    fullSync,
    underPreviousId: false,
    version: '9.1.2',
    nowMs: 0,
  });
}

function receive(text: string, nowMs = 10): void {
  const bytes = bytesOf(text);
  replica.linkBytes(host.link, bytes, 0, bytes.length, nowMs);
}

/** Connects and answers everything up to PSYNC. */
function handshake(): void {
  replica.tick(0);
  replica.linkUp(host.link, 0);
  receive('+PONG\r\n');
  receive('+OK\r\n+OK\r\n+OK\r\n');
}

function synchronise(): void {
  handshake();
  receive(`+FULLRESYNC ${PRIMARY_ID} 1000\r\n\n$EOF:${MARK}\r\n${SNAPSHOT}${MARK}`);
}

beforeEach(() => {
  host = new Host();
  log = new WriteLog(OWN_ID);
  log.beginRelaying(1_000_000);
  settings = {
    user: '',
    password: '',
    listeningPort: 7001,
    announceAddress: '',
    timeoutMs: 60_000,
    backlogBytes: 1_000_000,
  };
  replica = make();
});

describe('a replica', () => {
  test('introduces itself and asks to continue its own history', () => {
    handshake();
    expect(host.sent).toEqual([
      'PING',
      'REPLCONF listening-port 7001',
      'REPLCONF capa eof capa psync2',
      'REPLCONF version 9.1.2',
      `PSYNC ${OWN_ID} 1`,
    ]);
  });

  test('gives its password and its announced address', () => {
    settings.user = 'replica';
    settings.password = 'secret';
    settings.announceAddress = 'pod-1.example';
    replica.tick(0);
    replica.linkUp(host.link, 0);
    receive('-NOAUTH Authentication required.\r\n+OK\r\n+OK\r\n+OK\r\n');
    expect(host.sent.slice(1, 4)).toEqual([
      'AUTH replica secret',
      'REPLCONF listening-port 7001',
      'REPLCONF ip-address pod-1.example',
    ]);
  });

  test('gives up an attempt that is refused, and says what to do', () => {
    handshake();
    receive('-NOAUTH Authentication required.\r\n');
    expect(replica.state).toBe('connect');
    expect(host.logged.at(-1)).toContain('it answered PSYNC with -NOAUTH');
    replica.tick(500);
    expect(replica.state).toBe('connect');
    replica.tick(1500);
    expect(replica.state).toBe('connecting');
  });

  test('loads a snapshot, takes over its history and acknowledges it', () => {
    synchronise();
    expect(host.loads).toEqual([SNAPSHOT]);
    expect([replica.state, replica.dataset]).toEqual(['connected', 'kept']);
    expect([log.id, log.position]).toEqual([PRIMARY_ID, 1000]);
    expect(host.sent.at(-1)).toBe('REPLCONF ACK 1000');
    expect(host.disconnected).toEqual(['the dataset is replaced']);
  });

  test('applies whole commands at any split and counts their bytes', () => {
    synchronise();
    for (const character of 'one;two;thr') receive(character);
    expect(host.applied).toEqual(['one', 'two']);
    expect(log.position).toBe(1008);
    receive('ee;');
    expect(host.applied).toEqual(['one', 'two', 'three']);
    expect(log.position).toBe(1014);
  });

  test('acknowledges every second, and at once when it is asked to', () => {
    synchronise();
    receive('one;');
    const before = host.sent.length;
    replica.tick(500);
    expect(host.sent.length).toBe(before);
    replica.tick(1020);
    expect(host.sent.at(-1)).toBe('REPLCONF ACK 1004');
    replica.acknowledgeSoon();
    receive('two;');
    expect(host.sent.at(-1)).toBe('REPLCONF ACK 1008');
  });

  test('asks to continue where it stopped after its link broke, without half a command', () => {
    synchronise();
    receive('one;tw');
    replica.linkDown(host.link, 'reset by peer', 2000);
    replica.tick(3500);
    replica.linkUp(host.link, 3500);
    receive('+PONG\r\n+OK\r\n+OK\r\n+OK\r\n', 3500);
    expect(host.sent.at(-1)).toBe(`PSYNC ${PRIMARY_ID} 1005`);
    receive(`+CONTINUE\r\ntwo;`, 3500);
    expect(host.applied).toEqual(['one', 'two']);
    expect(host.loads.length).toBe(1);
  });

  test('takes the new name of a history that a promotion gave it, and lets its own replicas know', () => {
    synchronise();
    host.disconnected = [];
    replica.linkDown(host.link, 'gone', 2000);
    replica.tick(3500);
    replica.linkUp(host.link, 3500);
    receive(`+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+CONTINUE ${NEW_ID}\r\n`, 3500);
    expect([log.id, log.previousId, log.previousIdEnd]).toEqual([NEW_ID, PRIMARY_ID, 1000]);
    expect(host.disconnected).toEqual(['the history has a new name']);
  });

  test('whose snapshot breaks off has an incomplete dataset, and asks for a whole one', () => {
    handshake();
    receive(`+FULLRESYNC ${PRIMARY_ID} 1000\r\n$EOF:${MARK}\r\n${'half of a snapshot'.repeat(10)}`);
    expect(replica.dataset).toBe('loading');
    replica.linkDown(host.link, 'gone', 2000);
    expect(replica.dataset).toBe('incomplete');
    expect(host.abandoned).toBe(1);
    expect(log.id).toBe(OWN_ID);
    replica.tick(3500);
    replica.linkUp(host.link, 3500);
    receive('+PONG\r\n+OK\r\n+OK\r\n+OK\r\n', 3500);
    expect(host.sent.at(-1)).toBe('PSYNC ? -1');
  });

  test('does not take a damaged snapshot for its dataset', () => {
    host.loadFailure = 'the checksum is wrong';
    synchronise();
    expect([replica.state, replica.dataset]).toEqual(['connect', 'incomplete']);
    expect(host.logged.at(-1)).toContain('the checksum is wrong');
  });

  test('of another history never asks to continue', () => {
    replica = make(true);
    handshake();
    expect(host.sent.at(-1)).toBe('PSYNC ? -1');
  });

  test('gives up a primary that is silent for too long', () => {
    synchronise();
    replica.tick(60_000);
    expect(replica.state).toBe('connected');
    replica.tick(60_011);
    expect(replica.state).toBe('connect');
    expect(replica.downSinceMs).toBe(60_011);
    expect(host.closed).toBe(1);
  });

  test('hears nothing more of a link it gave up', () => {
    synchronise();
    const old = host.link;
    replica.linkDown(old, 'gone', 2000);
    const bytes = bytesOf('late;');
    replica.linkBytes(old, bytes, 0, bytes.length, 2001);
    replica.linkDown(old, 'gone again', 2002);
    expect(host.applied).toEqual([]);
    expect(host.logged.filter((line) => line.includes('ended')).length).toBe(1);
  });

  test('applies nothing during a pause, has read it all the same, and goes on in order', () => {
    synchronise();
    receive('one;tw');
    host.holdsStream = true;
    receive('o;three;', 5000);
    expect(host.applied).toEqual(['one']);
    expect(log.position).toBe(1000 + 'one;'.length);
    expect(replica.readPosition).toBe(1000 + 'one;two;three;'.length);
    expect(replica.lastHeardMs).toBe(5000);
    replica.goOn(5001);
    expect(host.applied).toEqual(['one']);
    host.holdsStream = false;
    replica.goOn(5002);
    receive('four;');
    expect(host.applied).toEqual(['one', 'two', 'three', 'four']);
    expect(log.position).toBe(replica.readPosition);
  });

  test('that lost its link during a pause asks for what it did not apply', () => {
    synchronise();
    host.holdsStream = true;
    receive('one;');
    replica.linkDown(host.link, 'gone', 2000);
    host.holdsStream = false;
    replica.goOn(2001);
    expect(host.applied).toEqual([]);
    replica.tick(4000);
    replica.linkUp(host.link, 4000);
    receive('+PONG\r\n');
    receive('+OK\r\n+OK\r\n+OK\r\n');
    expect(host.sent.at(-1)).toBe(`PSYNC ${PRIMARY_ID} 1001`);
  });

  test('that is stopped closes its link', () => {
    synchronise();
    replica.stop();
    expect(host.closed).toBe(1);
    receive('one;');
    expect(host.applied).toEqual([]);
  });
});
