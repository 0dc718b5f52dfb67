import { afterEach, expect, test } from 'vitest';
import { NodeAdmin } from './admin.ts';
import { array, bulk, hangUp, type ScriptedAnswer, ScriptedNode, silence } from './scripted-node.ts';

const nodes: ScriptedNode[] = [];
const admins: NodeAdmin[] = [];

afterEach(async () => {
  for (const admin of admins.splice(0)) admin.close();
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

async function nodeThat(answer: (command: string[]) => ScriptedAnswer, password?: string) {
  const node = await ScriptedNode.start(answer);
  const admin = new NodeAdmin(password === undefined ? {} : { password: () => password });
  nodes.push(node);
  admins.push(admin);
  return { node, admin, at: { host: '127.0.0.1', port: node.port, busPort: node.port + 10_000 } };
}

const ok = (): string => '+OK\r\n';

const report = ([name, sub]: string[]): string => {
  if (name === 'INFO') return bulk('# Server\r\nvalkey_version:9.1.2\r\n');
  if (sub === 'NODES') return bulk('abc 127.0.0.1:7000@17000 myself,master - 0 0 1 connected\n');
  if (sub === 'INFO') return bulk('cluster_state:ok\r\n');
  if (sub === 'MYSHARDID') return bulk('f'.repeat(40));
  if (sub === 'GETSLOTMIGRATIONS')
    return array([
      array([bulk('name'), bulk('job'), bulk('state'), bulk('success'), bulk('create_time'), ':1795581369\r\n']),
    ]);
  return array([bulk('maxmemory'), bulk('0')]);
};

test('a report is read in one pipeline and handed on in the words of the node', async () => {
  const { node, admin, at } = await nodeThat(report);
  expect(await admin.report(at, ['maxmemory', 'unknown-directive'], 1000)).toEqual({
    info: '# Server\r\nvalkey_version:9.1.2\r\n',
    clusterNodes: 'abc 127.0.0.1:7000@17000 myself,master - 0 0 1 connected\n',
    clusterInfo: 'cluster_state:ok\r\n',
    shardId: 'f'.repeat(40),
    slotMigrations: [{ name: 'job', state: 'success', create_time: 1795581369 }],
    config: { maxmemory: '0' },
  });
  expect(node.received.at(-1)).toEqual(['CONFIG', 'GET', 'maxmemory', 'unknown-directive']);
});

test('CONFIG GET is left out when no directive is asked for', async () => {
  const { node, admin, at } = await nodeThat(report);
  expect((await admin.report(at, [], 1000)).config).toEqual({});
  expect(node.received.some(([name]) => name === 'CONFIG')).toBe(false);
});

test('each order becomes the command that a person would type', async () => {
  const { node, admin, at } = await nodeThat(ok);
  await admin.meet(at, { host: '10.0.0.7', port: 6379, busPort: 16379 }, 1000);
  await admin.addSlots(
    at,
    [
      { start: 0, end: 99 },
      { start: 200, end: 200 },
    ],
    1000,
  );
  await admin.replicate(at, 'abc', 1000);
  await admin.migrateSlots(
    at,
    [
      {
        ranges: [
          { start: 1, end: 2 },
          { start: 5, end: 5 },
        ],
        targetId: 'x',
      },
      { ranges: [{ start: 7, end: 8 }], targetId: 'y' },
    ],
    1000,
  );
  await admin.cancelSlotMigrations(at, 1000);
  await admin.failover(at, 'graceful', 1000);
  await admin.failover(at, 'takeover', 1000);
  await admin.forget(at, 'abc', 1000);
  await admin.flushAll(at, 1000);
  await admin.resetHard(at, 1000);
  await admin.configSet(at, { maxmemory: '100mb', 'maxmemory-policy': 'noeviction' }, 1000);
  expect(node.received.map((words) => words.join(' '))).toEqual([
    'CLUSTER MEET 10.0.0.7 6379 16379',
    'CLUSTER ADDSLOTSRANGE 0 99 200 200',
    'CLUSTER REPLICATE abc',
    'CLUSTER MIGRATESLOTS SLOTSRANGE 1 2 5 5 NODE x SLOTSRANGE 7 8 NODE y',
    'CLUSTER CANCELSLOTMIGRATIONS',
    'CLUSTER FAILOVER',
    'CLUSTER FAILOVER TAKEOVER',
    'CLUSTER FORGET abc',
    'FLUSHALL SYNC',
    'CLUSTER RESET HARD',
    'CONFIG SET maxmemory 100mb maxmemory-policy noeviction',
  ]);
});

test("a refusal is a refusal, with the node's words and the command it was for", async () => {
  const { admin, at } = await nodeThat(() => '-ERR Slot 3 is already busy\r\n');
  await expect(admin.addSlots(at, [{ start: 3, end: 3 }], 1000)).rejects.toMatchObject({
    name: 'AdminError',
    kind: 'refused',
    command: 'CLUSTER ADDSLOTSRANGE',
    address: at,
    message: expect.stringContaining('ERR Slot 3 is already busy'),
  });
});

test('what is so already counts as done: nothing to cancel, nobody to forget', async () => {
  const { admin, at } = await nodeThat(([, sub]) =>
    sub === 'FORGET' ? '-ERR Unknown node abc\r\n' : '-ERR No migrations ongoing\r\n',
  );
  await admin.cancelSlotMigrations(at, 1000);
  await admin.forget(at, 'abc', 1000);
});

test('a node that hangs times out, and the next call goes over a new connection', async () => {
  let hanging = true;
  const { admin, at } = await nodeThat(() => (hanging ? silence : '+OK\r\n'));
  await expect(admin.resetHard(at, 20)).rejects.toMatchObject({ kind: 'timeout', command: 'CLUSTER RESET' });
  hanging = false;
  await admin.resetHard(at, 1000);
});

test('a connection that breaks is unreachable, and the next call goes over a new one', async () => {
  let broken = true;
  const { admin, at } = await nodeThat(() => (broken ? hangUp : '+OK\r\n'));
  await expect(admin.resetHard(at, 1000)).rejects.toMatchObject({ kind: 'unreachable' });
  broken = false;
  await admin.resetHard(at, 1000);
});

test('one connection serves calls made at the same time, and its password is sent once', async () => {
  const { node, admin, at } = await nodeThat(ok, 'hunter2');
  await Promise.all([admin.resetHard(at, 1000), admin.flushAll(at, 1000), admin.forget(at, 'a', 1000)]);
  expect(node.received.filter(([name]) => name === 'AUTH')).toEqual([['AUTH', 'hunter2']]);
});

test('an answer of the wrong shape is an AdminError too', async () => {
  const { admin, at } = await nodeThat(() => ':1\r\n');
  await expect(admin.report(at, [], 1000)).rejects.toMatchObject({ name: 'AdminError' });
});
