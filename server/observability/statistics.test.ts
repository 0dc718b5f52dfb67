import { expect, test } from 'vitest';
import { TestNode } from '../testing/test-node.ts';

const field = (text: string, name: string): string =>
  new RegExp(`^${name.replace('|', '\\|')}:(.*)\\r$`, 'm').exec(text)?.[1] ?? '';

test('an error inside EXEC is counted once, and EXEC has not failed', () => {
  const client = new TestNode().client();
  client.send('MULTI');
  client.send('AUTH', 'a');
  client.send('EXEC');
  const text = client.send('INFO', 'everything');
  expect(field(text, 'errorstat_ERR')).toBe('count=1');
  expect(field(text, 'cmdstat_exec')).toContain('failed_calls=0');
  expect(field(text, 'cmdstat_auth')).toContain('failed_calls=1');
});

test('a wait that is ended by an error counts as a rejected call, and its error is counted', () => {
  const node = new TestNode();
  const [waiting, other] = [node.client(), node.client()];
  waiting.send('BLPOP', 'k', '0');
  other.send('CLIENT', 'UNBLOCK', String(waiting.client.id), 'ERROR');
  const text = other.send('INFO', 'everything');
  expect(field(text, 'errorstat_UNBLOCKED')).toBe('count=1');
  expect(field(text, 'cmdstat_blpop')).toMatch(/^calls=1,.*rejected_calls=1,failed_calls=0$/);
});

test('the words of scripts are counted up to a limit, those of the server beyond it', () => {
  const client = new TestNode().client();
  for (let i = 0; i < 130; i++) client.send('EVAL', 'return server.error_reply(ARGV[1])', '0', `CODE${i} text`);
  client.send('SET', 'a', 'b', 'c', 'd');
  const text = client.send('INFO', 'errorstats');
  expect(field(text, 'errorstat_CODE127')).toBe('count=1');
  expect(field(text, 'errorstat_ERRORSTATS_OVERFLOW')).toBe('count=2');
  expect(field(text, 'errorstat_ERR')).toBe('count=1');
});

test('CONFIG RESETSTAT is the first command that is counted after it', () => {
  const client = new TestNode().client();
  client.send('SET', 'a', 'b');
  client.send('CONFIG', 'RESETSTAT');
  expect(client.send('LATENCY', 'HISTOGRAM')).toContain('config|resetstat');
  expect(field(client.send('INFO', 'commandstats'), 'cmdstat_config|resetstat')).toContain('calls=1,');
});

test('clients closed for their input or output are counted', () => {
  const node = new TestNode({ 'client-query-buffer-limit': '1mb', 'client-output-buffer-limit': 'normal 100000 0 0' });
  const [greedy, deaf, other] = [node.client(), node.client(), node.client()];
  greedy.raw(new TextEncoder().encode('*2\r\n$3\r\nGET\r\n$9000000\r\n'));
  for (let i = 0; i < 20; i++) greedy.raw(new Uint8Array(64 * 1024));
  other.send('SET', 'k', 'v'.repeat(110_000));
  deaf.send('GET', 'k');
  const text = other.send('INFO', 'stats');
  expect(field(text, 'client_query_buffer_limit_disconnections')).toBe('1');
  expect(field(text, 'client_output_buffer_limit_disconnections')).toBe('1');
});

test('a reply that runs over the limit of its client ends before it is whole', () => {
  const node = new TestNode({ 'client-output-buffer-limit': 'normal 100000 0 0' });
  const client = node.client();
  client.send('HSET', 'h', 'f', 'v');
  client.send('HRANDFIELD', 'h', '-999999999');
  expect(client.destroyed).toBe(true);
});

test('INFO tells of the event loop in detail only when that is asked for by name', () => {
  const client = new TestNode().client();
  expect(field(client.send('INFO', 'everything'), 'eventloop_duration_max')).toBe('');
  expect(Number(field(client.send('INFO', 'debug'), 'eventloop_cmd_per_cycle_max'))).toBeGreaterThanOrEqual(0);
});
