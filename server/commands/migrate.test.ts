import { expect, test } from 'vitest';
import type { Arguments } from '../protocol/arguments.ts';
import { type TestClient, TestNode } from '../testing/test-node.ts';
import { wireMigrate } from '../wiring/migrate.ts';
import type { Exchange } from './replication-room.ts';

const NOW_MS = 1_700_000_000_000;

/** A node whose MIGRATE talks to the test. */
class Source {
  readonly node: TestNode['node'];
  readonly client: TestClient;
  readonly logged: string[] = [];
  exchange: Exchange | null = null;
  private readonly test: TestNode;

  constructor(directives: Readonly<Record<string, string>> = {}) {
    this.test = new TestNode(directives).at(NOW_MS);
    this.node = this.test.node;
    wireMigrate(this.node);
    this.node.rooms.exchanges = {
      begin: (exchange) => {
        this.exchange = exchange;
      },
      propagate: (database, slot, args) => this.logged.push(`${database} ${slot} ${wordsOf(args)}`),
    };
    this.client = this.another();
  }

  another(): TestClient {
    return this.test.client();
  }

  get requests(): string {
    return String.fromCharCode(...this.exchange!.requests);
  }

  /** The target's replies; true when the exchange is over. */
  answers(text: string): boolean {
    return this.exchange!.received(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  }
}

function wordsOf(args: Arguments): string {
  return Array.from({ length: args.count }, (_, i) =>
    String.fromCharCode(...args.bytes.subarray(args.starts[i]!, args.ends[i]!)),
  ).join(' ');
}

function migration(...keys: readonly string[]): readonly string[] {
  return ['MIGRATE', 'host', '7000', '', '0', '1000', 'KEYS', ...keys];
}

test('MIGRATE answers when the last key is acknowledged, and deletes and logs exactly the keys that are', () => {
  const source = new Source();
  const { client } = source;
  for (const key of ['a', 'b', 'c']) client.send('SET', key, 'value');
  expect(client.send(...migration('a', 'absent', 'b', 'c'))).toBe('');
  expect(source.exchange).toMatchObject({ host: 'host', port: 7000, timeoutMs: 1000 });
  // In any pieces.
  expect(source.answers('+OK\r\n+O')).toBe(false);
  expect(source.answers('K\r\n+OK\r\n')).toBe(false);
  expect(source.logged).toEqual(['0 0 DEL a b']);
  expect(client.drain()).toBe('');
  expect(source.answers('+OK\r\n')).toBe(true);
  expect(client.drain()).toBe('+OK\r\n');
  expect(source.logged).toEqual(['0 0 DEL a b', '0 0 DEL c']);
  expect(client.send('DBSIZE')).toBe(':0\r\n');
});

test('keys that were not acknowledged stay when the target stands still', () => {
  const source = new Source();
  const { client } = source;
  for (const key of ['a', 'b']) client.send('SET', key, 'value');
  client.send(...migration('a', 'b'));
  source.answers('+OK\r\n+OK\r\n');
  source.exchange!.failed('reading');
  expect(client.drain()).toBe('-IOERR error or timeout reading to target instance\r\n');
  expect(client.send('EXISTS', 'a')).toBe(':0\r\n');
  expect(client.send('GET', 'b')).toBe('$5\r\nvalue\r\n');
});

test('a key that the target refuses stays, and the others go', () => {
  const source = new Source();
  const { client } = source;
  for (const key of ['a', 'b']) client.send('SET', key, 'value');
  client.send(...migration('a', 'b'));
  expect(source.answers('+OK\r\n-BUSYKEY there\r\n+OK\r\n')).toBe(true);
  expect(client.drain()).toBe('-ERR Target instance replied with error: BUSYKEY there\r\n');
  expect(client.send('EXISTS', 'a')).toBe(':1\r\n');
  expect(client.send('EXISTS', 'b')).toBe(':0\r\n');
});

test('nothing is deleted when the target refuses the password or the database', () => {
  const source = new Source();
  const { client } = source;
  client.send('SET', 'a', 'value');
  client.send('MIGRATE', 'host', '7000', 'a', '3', '0', 'AUTH2', 'user', 'secret');
  expect(source.exchange!.timeoutMs).toBe(1000);
  expect(source.requests).toMatch(
    /^\*3\r\n\$4\r\nAUTH\r\n\$4\r\nuser\r\n\$6\r\nsecret\r\n\*2\r\n\$6\r\nSELECT\r\n\$1\r\n3\r\n\*5\r\n\$7\r\nRESTORE\r\n/,
  );
  expect(source.answers('-WRONGPASS no\r\n+OK\r\n+OK\r\n')).toBe(true);
  expect(client.drain()).toBe('-ERR Target instance replied with error: WRONGPASS no\r\n');
  expect(client.send('EXISTS', 'a')).toBe(':1\r\n');
});

test('writes wait while keys are on their way, and reads do not', () => {
  const source = new Source();
  const { client } = source;
  const other = source.another();
  client.send('SET', 'a', 'value');
  client.send(...migration('a'));
  expect(other.send('GET', 'a')).toBe('$5\r\nvalue\r\n');
  expect(other.send('APPEND', 'a', '!')).toBe('');
  source.answers('+OK\r\n+OK\r\n');
  expect(client.drain()).toBe('+OK\r\n');
  expect(other.drain()).toBe(':1\r\n');
});

test('writes go on after an exchange whose client went away, and its keys are moved', () => {
  const source = new Source();
  const { client } = source;
  const other = source.another();
  client.send('SET', 'a', 'value');
  client.send(...migration('a'));
  source.node.clients.remove(client.client);
  expect(other.send('SET', 'b', 'value')).toBe('');
  expect(source.answers('+OK\r\n+OK\r\n')).toBe(true);
  expect(other.drain()).toBe('+OK\r\n');
  expect(other.send('EXISTS', 'a')).toBe(':0\r\n');
});

test('a node that became a replica meanwhile leaves the keys to its primary', () => {
  const source = new Source();
  const { client } = source;
  client.send('SET', 'a', 'value');
  client.send(...migration('a'));
  source.node.role = () => 'replica';
  expect(source.answers('+OK\r\n+OK\r\n')).toBe(true);
  expect(client.drain()).toMatch(/^-IOERR this node became a replica/);
  expect(source.logged).toEqual([]);
  source.node.role = () => 'primary';
  expect(client.send('EXISTS', 'a')).toBe(':1\r\n');
});

test('what is no answer ends the exchange with an error', () => {
  const source = new Source();
  const { client } = source;
  client.send('SET', 'a', 'value');
  client.send(...migration('a'));
  expect(source.answers('HTTP/1.1 400 Bad Request\r\n')).toBe(true);
  expect(client.drain()).toBe('-IOERR error or timeout reading to target instance\r\n');
  client.send(...migration('a'));
  expect(source.answers(`+${'x'.repeat(100_000)}`)).toBe(true);
  expect(client.drain()).toBe('-IOERR error or timeout reading to target instance\r\n');
  expect(client.send('EXISTS', 'a')).toBe(':1\r\n');
});

test('COPY leaves the keys, REPLACE passes on, and a time to live is sent as a time', () => {
  const source = new Source();
  const { client } = source;
  client.send('SET', 'a', 'value', 'PX', '5000');
  client.send('MIGRATE', 'host', '7000', 'a', '0', '1000', 'COPY', 'REPLACE');
  expect(source.requests).toContain(`$13\r\n${NOW_MS + 5000}\r\n`);
  expect(source.requests).toMatch(/\$6\r\nABSTTL\r\n\$7\r\nREPLACE\r\n$/);
  expect(source.answers('+OK\r\n+OK\r\n')).toBe(true);
  expect(client.drain()).toBe('+OK\r\n');
  expect(client.send('EXISTS', 'a')).toBe(':1\r\n');
  expect(source.logged).toEqual([]);
});

test('in a cluster keys must share a slot, and travel by RESTORE-ASKING', () => {
  const source = new Source({ 'cluster-enabled': 'yes' });
  const { client } = source;
  client.send('SET', '{a}1', 'value');
  expect(client.send(...migration('{a}1', '{b}1'))).toMatch(/^-CROSSSLOT/);
  client.send(...migration('{a}1'));
  expect(source.requests).toContain('$14\r\nRESTORE-ASKING\r\n');
  expect(source.answers('+OK\r\n+OK\r\n')).toBe(true);
  expect(source.logged).toEqual(['0 15495 DEL {a}1']);
});

test('MIGRATE without any key that is here answers NOKEY, and in a transaction is refused', () => {
  const source = new Source();
  const { client } = source;
  expect(client.send(...migration('absent'))).toBe('+NOKEY\r\n');
  expect(client.send('MULTI')).toBe('+OK\r\n');
  expect(client.send(...migration('absent'))).toBe("-ERR Command 'migrate' not allowed inside a transaction\r\n");
  expect(source.exchange).toBeNull();
});

test('MIGRATE is refused in a script, which cannot wait for the answer', () => {
  const source = new Source();
  const { client } = source;
  client.send('SET', 'a', 'value');
  const script = "return redis.pcall('MIGRATE', 'host', '7000', KEYS[1], '0', '1000')";
  expect(client.send('EVAL', script, '1', 'a')).toMatch(/^-ERR This Valkey command is not allowed from script/);
  expect(source.exchange).toBeNull();
  expect(client.send('EXISTS', 'a')).toBe(':1\r\n');
});
