import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { NodeConnection } from './connection.ts';
import { NodeError, NodeProtocolError, NodeTimeout, NodeUnreachable } from './errors.ts';
import type { ScriptedAnswer } from './scripted-node.ts';
import { array, bulk, hangUp, ScriptedNode, silence } from './scripted-node.ts';

const nodes: ScriptedNode[] = [];
const connections: NodeConnection[] = [];

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

async function scripted(answer: (command: string[]) => ScriptedAnswer): Promise<ScriptedNode> {
  const node = await ScriptedNode.start(answer);
  nodes.push(node);
  return node;
}

async function open(
  node: ScriptedNode,
  options: { password?: string; callTimeoutMs?: number; maxReplyBytes?: number } = {},
): Promise<NodeConnection> {
  const connection = await NodeConnection.open({ host: '127.0.0.1', port: node.port, ...options });
  connections.push(connection);
  return connection;
}

test('replies come back in the order of the calls, nested arrays and nulls included', async () => {
  const node = await scripted(([name, text]) => {
    if (name === 'ECHO') return bulk(text ?? '');
    if (name === 'COUNT') return ':42\r\n';
    return array([bulk('a'), array([':1\r\n', '$-1\r\n']), '-ERR inside\r\n']);
  });
  const connection = await open(node);
  const replies = await Promise.all([
    connection.call(['ECHO', 'é']),
    connection.call(['COUNT']),
    connection.call(['NEST']),
  ]);
  expect(replies).toEqual(['é', 42, ['a', [1, null], '-ERR inside']]);
});

test('an error reply is a NodeError with its code apart from its text, and the connection stays usable', async () => {
  const node = await scripted(([name]) =>
    name === 'PING' ? '+PONG\r\n' : '-LOADING Valkey is loading the dataset in memory\r\n',
  );
  const connection = await open(node);
  const error = await connection.call(['CLUSTER', 'INFO']).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(NodeError);
  expect(error).toMatchObject({
    code: 'LOADING',
    detail: 'Valkey is loading the dataset in memory',
    command: 'CLUSTER INFO',
  });
  expect(await connection.call(['PING'])).toBe('PONG');
});

test('a call that is not answered in time fails, and so does everything after it on that connection', async () => {
  const node = await scripted(() => silence);
  const connection = await open(node, { callTimeoutMs: 20 });
  await expect(connection.call(['PING'])).rejects.toBeInstanceOf(NodeTimeout);
  expect(connection.isOpen).toBe(false);
  await expect(connection.call(['PING'])).rejects.toBeInstanceOf(NodeTimeout);
  expect(node.received.length).toBe(1);
});

test('a connection closed by the node fails the calls that wait as unreachable', async () => {
  const node = await scripted(() => hangUp);
  const connection = await open(node);
  await expect(connection.call(['PING'])).rejects.toBeInstanceOf(NodeUnreachable);
});

test('a port on which nobody listens is unreachable', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = (server.address() as AddressInfo).port;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await expect(NodeConnection.open({ host: '127.0.0.1', port })).rejects.toBeInstanceOf(NodeUnreachable);
});

test('the password goes out with AUTH before anything else and appears in no error', async () => {
  const node = await scripted(() => '-WRONGPASS invalid username-password pair or user is disabled.\r\n');
  const error = await open(node, { password: 'hunter2' }).catch((e: unknown) => e);
  expect(error).toMatchObject({ name: 'NodeError', code: 'WRONGPASS', command: 'AUTH' });
  expect(String(error)).not.toContain('hunter2');
  expect(node.received).toEqual([['AUTH', 'hunter2']]);
});

test('a reply beyond the limit is refused before it is stored', async () => {
  const node = await scripted(() => `$5000\r\n${'x'.repeat(2000)}`);
  const connection = await open(node, { maxReplyBytes: 1000 });
  await expect(connection.call(['GET', 'k'])).rejects.toThrow('larger than 1000 bytes');
});

test('bytes that are no reply are a protocol error', async () => {
  const node = await scripted(() => 'HTTP/1.1 400 Bad Request\r\n\r\n');
  const connection = await open(node);
  await expect(connection.call(['PING'])).rejects.toBeInstanceOf(NodeProtocolError);
});
