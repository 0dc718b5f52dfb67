import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type TestClient, TestNode } from '../testing/test-node.ts';
import { PAUSE_ALL, PAUSE_WRITES } from './clients.ts';

const NIL_ARRAY = '*-1\r\n';

function bulks(...texts: readonly string[]): string {
  return `*${texts.length}\r\n${texts.map((text) => `$${text.length}\r\n${text}\r\n`).join('')}`;
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

function integer(value: number): string {
  return `:${value}\r\n`;
}

/** A node whose write log somebody reads: what was written, as text. */
function logged(node: TestNode): string[] {
  const log: string[] = [];
  node.node.executor.writes = {
    refusal: () => null,
    staleRefusal: () => null,
    active: true,
    append: (database, _slot, args) => {
      const words: string[] = [];
      for (let i = 0; i < args.count; i++)
        words.push(new TextDecoder().decode(args.bytes.subarray(args.starts[i]!, args.ends[i]!)));
      log.push(`${database}: ${words.join(' ')}`);
    },
    beginTransaction: () => log.push('MULTI'),
    endTransaction: () => log.push('EXEC'),
  };
  return log;
}

function blockedOn(node: TestNode, ...words: readonly string[]): TestClient {
  const client = node.client();
  expect(client.send(...words)).toBe('');
  expect(client.client.waiter).not.toBeNull();
  return client;
}

test('a waiting client gets what is pushed, after the reply of the push', () => {
  const node = new TestNode().at(1000);
  const waiting = blockedOn(node, 'BLPOP', 'list', '0');
  const pusher = node.client();
  expect(pusher.send('RPUSH', 'list', 'a', 'b')).toBe(integer(2));
  expect(waiting.drain()).toBe(bulks('list', 'a'));
  expect(pusher.send('LRANGE', 'list', '0', '-1')).toBe(bulks('b'));
});

test('clients are served in the order in which they came, whatever keys they wait for besides', () => {
  const node = new TestNode().at(1000);
  const clients = [
    blockedOn(node, 'BLPOP', 'x', 'list', '0'),
    blockedOn(node, 'BRPOP', 'list', 'y', '0'),
    blockedOn(node, 'BLPOP', 'list', '0'),
  ];
  const pusher = node.client();
  pusher.send('RPUSH', 'list', 'a', 'b');
  expect(clients.map((client) => client.drain())).toEqual([bulks('list', 'a'), bulks('list', 'b'), '']);
  pusher.send('RPUSH', 'list', 'c');
  expect(clients[2]!.drain()).toBe(bulks('list', 'c'));
  expect(pusher.send('EXISTS', 'list')).toBe(integer(0));
});

test('keys are served in the order in which they became ready, in a transaction too', () => {
  const node = new TestNode().at(1000);
  const waiting = blockedOn(node, 'BLPOP', 'a', 'b', '0');
  const pusher = node.client();
  pusher.send('MULTI');
  pusher.send('RPUSH', 'b', '1');
  pusher.send('RPUSH', 'a', '2');
  pusher.send('EXEC');
  // The command runs again from its first key on, which holds something by now.
  expect(waiting.drain()).toBe(bulks('a', '2'));
});

test('a value that came and went within a transaction wakes nobody', () => {
  const node = new TestNode().at(1000);
  const waiting = blockedOn(node, 'BLPOP', 'list', '0');
  const other = node.client();
  other.send('MULTI');
  other.send('RPUSH', 'list', '1');
  other.send('DEL', 'list');
  other.send('SET', 'list', 'text');
  other.send('EXEC');
  expect(waiting.drain()).toBe('');
  other.send('DEL', 'list');
  other.send('RPUSH', 'list', '2');
  expect(waiting.drain()).toBe(bulks('list', '2'));
});

test('a value of another type wakes nobody', () => {
  const node = new TestNode().at(1000);
  const waiting = blockedOn(node, 'BLPOP', 'key', '0');
  const other = node.client();
  other.send('SADD', 'key', 'member');
  expect(waiting.drain()).toBe('');
  other.send('DEL', 'key');
  other.send('LPUSH', 'key', 'item');
  expect(waiting.drain()).toBe(bulks('key', 'item'));
});

test('a chain of moves is followed to its end within one turn', () => {
  const node = new TestNode().at(1000);
  const first = blockedOn(node, 'BLMOVE', 'a', 'b', 'LEFT', 'RIGHT', '0');
  const second = blockedOn(node, 'BRPOPLPUSH', 'b', 'c', '0');
  const third = blockedOn(node, 'BLPOP', 'c', '0');
  node.client().send('RPUSH', 'a', 'item');
  expect([first.drain(), second.drain(), third.drain()]).toEqual([bulk('item'), bulk('item'), bulks('c', 'item')]);
});

test('moves in a circle end, each client served once', () => {
  const node = new TestNode().at(1000);
  const there = blockedOn(node, 'BLMOVE', 'a', 'b', 'LEFT', 'RIGHT', '0');
  const back = blockedOn(node, 'BLMOVE', 'b', 'a', 'LEFT', 'RIGHT', '0');
  const pusher = node.client();
  pusher.send('RPUSH', 'a', 'item');
  expect([there.drain(), back.drain()]).toEqual([bulk('item'), bulk('item')]);
  expect(pusher.send('LRANGE', 'a', '0', '-1')).toBe(bulks('item'));
  const self = blockedOn(node, 'BLMOVE', 'x', 'x', 'LEFT', 'RIGHT', '0');
  pusher.send('RPUSH', 'x', '1', '2');
  expect(self.drain()).toBe(bulk('1'));
  expect(pusher.send('LRANGE', 'x', '0', '-1')).toBe(bulks('2', '1'));
});

test('a move into a key of another type is answered an error and takes nothing', () => {
  const node = new TestNode().at(1000);
  const waiting = blockedOn(node, 'BLMOVE', 'a', 'text', 'LEFT', 'RIGHT', '0');
  const behind = blockedOn(node, 'BLPOP', 'a', '0');
  const other = node.client();
  other.send('SET', 'text', 'x');
  other.send('RPUSH', 'a', 'item');
  expect(waiting.drain()).toMatch(/^-WRONGTYPE/);
  expect(behind.drain()).toBe(bulks('a', 'item'));
});

for (const [name, prepare, wake] of [
  ['RENAME', [['RPUSH', 'source', 'item']], ['RENAME', 'source', 'list']],
  ['COPY', [['RPUSH', 'source', 'item']], ['COPY', 'source', 'list']],
  ['SORT … STORE', [['RPUSH', 'source', 'item']], ['SORT', 'source', 'ALPHA', 'STORE', 'list']],
  ['LMOVE', [['RPUSH', 'source', 'item']], ['LMOVE', 'source', 'list', 'LEFT', 'LEFT']],
  ['RPOPLPUSH', [['RPUSH', 'source', 'item']], ['RPOPLPUSH', 'source', 'list']],
] as const) {
  test(`${name} wakes who waits for what it makes`, () => {
    const node = new TestNode().at(1000);
    if (node.node.registry.named(wake[0]) === null) return;
    const waiting = blockedOn(node, 'BLPOP', 'list', '0');
    const other = node.client();
    for (const words of prepare) other.send(...words);
    expect(other.send(...wake)).not.toMatch(/^-/);
    expect(waiting.drain()).toBe(bulks('list', 'item'));
  });
}

test('RESTORE and MOVE wake who waits for what they bring', () => {
  const node = new TestNode().at(1000);
  const waiting = blockedOn(node, 'BLPOP', 'list', '0');
  const other = node.client();
  other.send('SELECT', '1');
  other.send('RPUSH', 'list', 'item');
  expect(other.send('MOVE', 'list', '0')).toBe(integer(1));
  expect(waiting.drain()).toBe(bulks('list', 'item'));
});

test('a client waits in its own database only', () => {
  const node = new TestNode().at(1000);
  const waiting = blockedOn(node, 'BLPOP', 'list', '0');
  const other = node.client();
  other.send('SELECT', '9');
  other.send('RPUSH', 'list', 'item');
  expect(waiting.drain()).toBe('');
});

test('a wait ends at its time with a null array, and a served one has no time any more', () => {
  const node = new TestNode().at(1000);
  const late = blockedOn(node, 'BLPOP', 'list', '0.5');
  const moving = blockedOn(node, 'BLMOVE', 'list', 'other', 'LEFT', 'LEFT', '0.7');
  const { clients } = node.node;
  node.at(1499);
  clients.endWaits(1499);
  expect(late.drain()).toBe('');
  node.at(1500);
  clients.endWaits(1500);
  expect([late.drain(), moving.drain()]).toEqual([NIL_ARRAY, '']);
  node.client().send('RPUSH', 'list', 'item');
  expect(moving.drain()).toBe(bulk('item'));
  clients.endWaits(5000);
  expect(moving.drain()).toBe('');
  expect(late.send('PING')).toBe('+PONG\r\n');
});

test('the next deadline is told whenever it comes nearer', () => {
  const node = new TestNode().at(1000);
  const { clients } = node.node;
  const told: number[] = [];
  clients.onDeadline = (deadlineMs) => told.push(deadlineMs);
  blockedOn(node, 'BLPOP', 'list', '3');
  blockedOn(node, 'BLPOP', 'list', '5');
  blockedOn(node, 'BLPOP', 'list', '0');
  blockedOn(node, 'BLPOP', 'list', '1');
  expect(told).toEqual([4000, 2000]);
  clients.endWaits(2000);
  expect(told).toEqual([4000, 2000, 4000]);
});

test('requests behind a blocked one wait for it', () => {
  const node = new TestNode().at(1000);
  const waiting = blockedOn(node, 'BLPOP', 'list', '0');
  expect(waiting.send('PING')).toBe('');
  node.client().send('RPUSH', 'list', 'item');
  expect(waiting.drain()).toBe(`${bulks('list', 'item')}+PONG\r\n`);
});

test('within EXEC nothing waits', () => {
  const node = new TestNode().at(1000);
  const client = node.client();
  client.send('MULTI');
  client.send('BLPOP', 'list', '0');
  client.send('BLMOVE', 'list', 'other', 'LEFT', 'LEFT', '0');
  client.send('BLMPOP', '0', '1', 'list', 'LEFT');
  expect(client.send('EXEC')).toBe(`*3\r\n${NIL_ARRAY}$-1\r\n${NIL_ARRAY}`);
  expect(node.node.clients.blockedCount).toBe(0);
});

test('CLIENT UNBLOCK ends a wait by time or with an error', () => {
  const node = new TestNode().at(1000);
  const first = blockedOn(node, 'BLPOP', 'list', '0');
  const second = blockedOn(node, 'BLPOP', 'list', '0');
  const other = node.client();
  expect(other.send('CLIENT', 'UNBLOCK', String(first.client.id))).toBe(integer(1));
  expect(first.drain()).toBe(NIL_ARRAY);
  expect(other.send('CLIENT', 'UNBLOCK', String(second.client.id), 'ERROR')).toBe(integer(1));
  expect(second.drain()).toBe('-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n');
  expect(other.send('CLIENT', 'UNBLOCK', String(second.client.id))).toBe(integer(0));
  other.send('RPUSH', 'list', 'item');
  expect(first.drain() + second.drain()).toBe('');
  expect(node.node.blocking.keyCount).toBe(0);
});

test('a client that was killed or went away is given nothing', () => {
  const node = new TestNode().at(1000);
  const killed = blockedOn(node, 'BLPOP', 'list', '0');
  const gone = blockedOn(node, 'BLPOP', 'list', '0');
  const last = blockedOn(node, 'BLPOP', 'list', '0');
  node.node.clients.kill(killed.client, 'test');
  node.node.clients.remove(gone.client);
  node.client().send('RPUSH', 'list', 'item');
  expect([killed.drain(), gone.drain(), last.drain()]).toEqual(['', '', bulks('list', 'item')]);
});

test('while writes are paused nobody is served; afterwards they are', () => {
  for (const kind of [PAUSE_WRITES, PAUSE_ALL]) {
    const node = new TestNode().at(1000);
    const first = blockedOn(node, 'BLPOP', 'list', '0');
    const second = blockedOn(node, 'BLPOP', 'list', '0');
    const pusher = node.client();
    pusher.send('MULTI');
    pusher.send('RPUSH', 'list', 'item');
    // The pause begins between the push and the serving, as a failover's does at the end of a turn.
    const { clients, blocking } = node.node;
    const serve = blocking.serve.bind(blocking);
    blocking.serve = () => {};
    pusher.send('EXEC');
    blocking.serve = serve;
    clients.pause('test', 5000, kind);
    node.node.endTurn();
    expect(first.drain()).toBe('');
    expect(first.client.paused).toBe(false);
    clients.unpause('test');
    node.node.endTurn();
    expect([first.drain(), second.drain()]).toEqual([bulks('list', 'item'), '']);
  }
});

test('what is served goes to the log after what woke it, in its own form', () => {
  const node = new TestNode().at(1000);
  const log = logged(node);
  blockedOn(node, 'BLPOP', 'a', '0');
  blockedOn(node, 'BLMOVE', 'a', 'b', 'LEFT', 'RIGHT', '0');
  blockedOn(node, 'BRPOPLPUSH', 'b', 'c', '0');
  blockedOn(node, 'BLMPOP', '0', '2', 'x', 'c', 'RIGHT', 'COUNT', '10');
  const pusher = node.client();
  pusher.send('MULTI');
  pusher.send('RPUSH', 'a', '1');
  pusher.send('RPUSH', 'a', '2');
  pusher.send('EXEC');
  expect(log).toEqual([
    'MULTI',
    '0: RPUSH a 1',
    '0: RPUSH a 2',
    'EXEC',
    '0: LPOP a',
    '0: LMOVE a b LEFT RIGHT',
    '0: RPOPLPUSH b c',
    '0: RPOP c 1',
  ]);
});

test('a blocked command counts as one call, when it is answered', () => {
  const node = new TestNode().at(1000);
  const entry = node.node.registry.named('blpop')!;
  const served = blockedOn(node, 'BLPOP', 'list', '0');
  blockedOn(node, 'BLPOP', 'list', '1');
  const forced = blockedOn(node, 'BLPOP', 'list', '0');
  expect(entry.calls).toBe(0);
  node.client().send('RPUSH', 'list', 'item');
  expect(served.drain()).not.toBe('');
  expect(entry.calls).toBe(1);
  node.node.clients.endWaits(2000);
  expect([entry.calls, entry.failed]).toEqual([2, 0]);
  node.client().send('CLIENT', 'UNBLOCK', String(forced.client.id), 'ERROR');
  expect([entry.calls, entry.failed, entry.rejected]).toEqual([3, 0, 1]);
});

test('a list that has expired when it is looked at is none', () => {
  const node = new TestNode().at(1000);
  const client = node.client();
  client.send('RPUSH', 'list', 'old');
  client.send('PEXPIRE', 'list', '10');
  node.at(1011);
  const waiting = blockedOn(node, 'BLPOP', 'list', '0');
  expect(client.send('RPUSH', 'list', 'new')).toBe(integer(1));
  expect(waiting.drain()).toBe(bulks('list', 'new'));
});

test('a client that asked for silence is served in silence', () => {
  const node = new TestNode().at(1000);
  const silent = node.client();
  silent.send('CLIENT', 'REPLY', 'OFF');
  silent.send('BLPOP', 'list', '0');
  silent.send('BLPOP', 'list', '1');
  node.client().send('RPUSH', 'list', 'item');
  node.node.clients.endWaits(2000);
  expect(silent.drain()).toBe('');
  expect(node.node.clients.blockedCount).toBe(0);
  expect(node.client().send('EXISTS', 'list')).toBe(integer(0));
});

test('in a cluster, a client whose slot has left is told where it is', () => {
  const node = new TestNode({ 'cluster-enabled': 'yes' }).at(1000);
  const { executor, blocking } = node.node;
  const gone = new Set<number>();
  executor.cluster = {
    admits: () => true,
    refusalOfWait: (_client, entry, slot) => (gone.has(slot) ? `MOVED ${slot} for ${entry.fullName}` : null),
  };
  const leaving = blockedOn(node, 'BLPOP', '{a}1', '{a}2', '0');
  const staying = blockedOn(node, 'BLPOP', '{b}1', '0');
  blocking.redirect();
  expect(leaving.drain()).toBe('');
  gone.add(15495);
  blocking.redirect();
  expect([leaving.drain(), staying.drain()]).toEqual(['-MOVED 15495 for blpop\r\n', '']);
  node.client().send('RPUSH', '{b}1', 'item');
  expect(staying.drain()).toBe(bulks('{b}1', 'item'));
  expect(blocking.keyCount).toBe(0);
});

test('an expired value wakes nobody, and stays for who looks at it', () => {
  const node = new TestNode().at(1000);
  const waiting = blockedOn(node, 'BLPOP', 'list', '0');
  const log = logged(node);
  const { blocking } = node.node;
  const serve = blocking.serve.bind(blocking);
  blocking.serve = () => {};
  node.client().send('RPUSH', 'list', 'item');
  node.client().send('PEXPIRE', 'list', '100');
  node.at(1101);
  serve();
  expect(waiting.drain()).toBe('');
  expect(log.at(-1)).toMatch(/PEXPIREAT/);
});

test('named twice, a key has its client once', () => {
  const node = new TestNode().at(1000);
  const waiting = blockedOn(node, 'BLPOP', 'list', 'list', '0');
  node.client().send('RPUSH', 'list', 'a', 'b');
  expect(waiting.drain()).toBe(bulks('list', 'a'));
  expect(node.node.blocking.keyCount).toBe(0);
});

test('every item is given to exactly one client, first come first served', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('wait'), keys: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }) }),
    fc.record({
      kind: fc.constant('push'),
      key: fc.constantFrom('a', 'b', 'c'),
      items: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({ kind: fc.constant('leave'), which: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const node = new TestNode().at(1000);
      const pusher = node.client();
      const lists = new Map<string, string[]>([
        ['a', []],
        ['b', []],
        ['c', []],
      ]);
      let waiting: { client: TestClient; keys: readonly string[] }[] = [];
      let next = 0;
      for (const one of steps) {
        if ('keys' in one) {
          const client = node.client();
          const got = client.send('BLPOP', ...one.keys, '0');
          const key = one.keys.find((name) => lists.get(name)!.length > 0);
          if (key === undefined) {
            waiting.push({ client, keys: one.keys });
            expect(got).toBe('');
          } else expect(got).toBe(bulks(key, lists.get(key)!.shift()!));
        } else if ('items' in one) {
          const items = Array.from({ length: one.items }, () => String(next++));
          pusher.send('RPUSH', one.key, ...items);
          lists.get(one.key)!.push(...items);
          for (const waiter of [...waiting]) {
            if (!waiter.keys.includes(one.key) || lists.get(one.key)!.length === 0) continue;
            expect(waiter.client.drain()).toBe(bulks(one.key, lists.get(one.key)!.shift()!));
            waiting = waiting.filter((other) => other !== waiter);
          }
        } else if (waiting.length > 0) {
          const [leaver] = waiting.splice(one.which % waiting.length, 1);
          node.node.clients.remove(leaver!.client.client);
        }
        for (const { client } of waiting) expect(client.drain()).toBe('');
      }
      expect(node.node.clients.blockedCount).toBe(waiting.length);
    }),
    { numRuns: 60 },
  );
});
