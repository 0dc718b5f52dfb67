/**
 * `npm run bench:executor`: a million GETs through the executor, from the bytes in the buffer to the bytes in the output, and what they
 * leave on V8's heap without a collection. Exits non-zero above the limit. The second number of the run is time per request, for looking at.
 */
import { request, TestNode } from '../server/testing/test-node.ts';

const REQUESTS = 1_000_000;
const PIPELINE = 64;
const KEYS = 100_000;
/** What the whole run may add to the heap. */
const LIMIT_BYTES = 64 * 1024;

function pipeline(): Uint8Array {
  const parts = Array.from({ length: PIPELINE }, (_, i) =>
    request('GET', `key:${String((i * 7919) % KEYS).padStart(12, '0')}`),
  );
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const test = new TestNode();
const one = test.client();
for (let i = 0; i < KEYS; i++) one.send('SET', `key:${String(i).padStart(12, '0')}`, 'v'.repeat(64));
const input = pipeline();

function run(requests: number): void {
  for (let done = 0; done < requests; done += PIPELINE) {
    one.session.receive(input, input.length);
    test.node.reply.release(one.client.output);
  }
}
// The output is taken back here, not flushed: the client is never put on the flush list.
one.client.inFlushList = true;
run(REQUESTS);
const before = process.memoryUsage().heapUsed;
const started = process.hrtime.bigint();
run(REQUESTS);
const elapsedNs = Number(process.hrtime.bigint() - started);
const grown = process.memoryUsage().heapUsed - before;
process.stdout.write(
  `${REQUESTS} GETs: heap ${grown >= 0 ? '+' : ''}${grown} bytes (limit ${LIMIT_BYTES}), ${(elapsedNs / REQUESTS).toFixed(0)} ns each\n`,
);
process.exit(grown < LIMIT_BYTES ? 0 : 1);
