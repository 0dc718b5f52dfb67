import { expect, test } from 'vitest';
import { request, TestNode } from '../testing/test-node.ts';

test('slow, large and amply answered requests are logged, secrets and tails of arguments left out', () => {
  const node = new TestNode({
    'commandlog-execution-slower-than': '0',
    'commandlog-request-larger-than': '300',
    'commandlog-reply-larger-than': '300',
  });
  const client = node.client();
  client.send('CLIENT', 'SETNAME', 'me');
  client.send('SET', 'k', 'v'.repeat(400));
  client.send('GET', 'k');
  client.send('CONFIG', 'SET', 'requirepass', 'secret');
  client.send('CONFIG', 'SET', 'primaryuser', 'secret');
  client.send('CONFIG', 'SET', 'tls-key-file-pass', 'secret');
  client.send('AUTH', 'secret');
  const slow = client.send('SLOWLOG', 'GET', '-1');
  expect(slow).toContain('(redacted)');
  expect(slow).not.toContain('secret');
  expect(slow).toContain(`${'v'.repeat(128)}... (272 more bytes)`);
  expect(slow).toContain('$2\r\nme\r\n');
  expect(client.send('COMMANDLOG', 'LEN', 'large-request')).toBe(':1\r\n');
  expect(client.send('COMMANDLOG', 'GET', '-1', 'large-reply')).toContain('*2\r\n$3\r\nGET\r\n$1\r\nk\r\n');
});

test('a command of a script is logged by itself, as its caller’s, and is no request', () => {
  const node = new TestNode({ 'slowlog-log-slower-than': '0', 'commandlog-request-larger-than': '0' });
  const client = node.client();
  client.send('CLIENT', 'SETNAME', 'me');
  client.send('SLOWLOG', 'RESET');
  client.send('COMMANDLOG', 'RESET', 'large-request');
  client.send('EVAL', "return server.call('ping')", '0');
  const log = client.send('SLOWLOG', 'GET', '2');
  expect(log).toContain('*1\r\n$4\r\nping\r\n');
  expect(log.match(/\$2\r\nme\r\n/g)).toHaveLength(2);
  expect(log).not.toContain('lua');
  expect(client.send('COMMANDLOG', 'GET', '-1', 'large-request')).not.toContain('$4\r\nping');
});

test('a log that keeps nothing counts no entries', () => {
  const client = new TestNode({ 'slowlog-log-slower-than': '0', 'slowlog-max-len': '0' }).client();
  for (let i = 0; i < 5; i++) client.send('PING');
  client.send('CONFIG', 'SET', 'slowlog-max-len', '1');
  expect(client.send('SLOWLOG', 'GET', '1')).toMatch(/^\*1\r\n\*6\r\n:0\r\n/);
});

test('a request with many arguments is logged with how many were left out', () => {
  const node = new TestNode({ 'slowlog-log-slower-than': '0' });
  const client = node.client();
  client.send('DEL', ...Array.from({ length: 50 }, (_, i) => `key:${i}`));
  const log = client.send('SLOWLOG', 'GET', '1');
  expect(log).toContain('*32\r\n$3\r\nDEL\r\n');
  expect(log).toContain('... (20 more arguments)');
});

test('a log keeps the newest entries that its directive allows, and none below 0', () => {
  const node = new TestNode({ 'slowlog-log-slower-than': '0', 'slowlog-max-len': '3' });
  const client = node.client();
  for (let i = 0; i < 10; i++) client.send('GET', `k${i}`);
  expect(client.send('SLOWLOG', 'LEN')).toBe(':3\r\n');
  client.send('SLOWLOG', 'RESET');
  client.send('CONFIG', 'SET', 'slowlog-log-slower-than', '-1');
  client.send('SLOWLOG', 'RESET');
  client.send('GET', 'k');
  expect(client.send('SLOWLOG', 'LEN')).toBe(':0\r\n');
});

test('of a transaction each command is logged, and not EXEC', () => {
  const node = new TestNode({ 'slowlog-log-slower-than': '0' });
  const client = node.client();
  client.raw(
    Uint8Array.from([['MULTI'], ['SET', 'a', '1'], ['INCR', 'a'], ['EXEC']].flatMap((words) => [...request(...words)])),
  );
  const log = client.send('SLOWLOG', 'GET', '-1');
  expect(log).toContain('$4\r\nINCR\r\n');
  expect(log).not.toContain('EXEC');
});

test('INFO tells calls and time by command, errors by code, and percentiles', () => {
  const node = new TestNode();
  const client = node.client();
  client.send('SET', 'k', 'v');
  client.send('INCR', 'k');
  client.send('NOSUCH');
  client.send('LPUSH', 'k', 'v');
  const text = client.send('INFO', 'all');
  expect(text).toMatch(/cmdstat_set:calls=1,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=0,failed_calls=0/);
  expect(text).toMatch(/cmdstat_incr:calls=1,.*failed_calls=1/);
  expect(text).toContain('errorstat_ERR:count=2');
  expect(text).toContain('errorstat_WRONGTYPE:count=1');
  expect(text).toMatch(/latency_percentiles_usec_set:p50=[\d.]+,p99=[\d.]+,p99\.9=[\d.]+/);
  expect(client.send('LATENCY', 'HISTOGRAM', 'set')).toMatch(/^\*2\r\n\$3\r\nset\r\n\*4\r\n\$5\r\ncalls\r\n:1\r\n/);
  client.send('CONFIG', 'RESETSTAT');
  expect(client.send('INFO', 'errorstats')).not.toContain('errorstat_');
});
