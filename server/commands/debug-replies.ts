/** DEBUG PROTOCOL: a reply of each kind that RESP has, for the tests of clients. Source: Valkey 9.1 debug.c. */
import type { Call } from './call.ts';

const BIG_NUMBER = '1234567999999999999999999999999999999';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

function numbers(call: Call): void {
  for (let i = 0; i < 3; i++) call.reply.integer(i);
}

const KINDS: Readonly<Record<string, (call: Call) => void>> = {
  string: (call) => call.reply.bulkText('Hello World'),
  integer: (call) => call.reply.integer(12345),
  double: (call) => call.reply.double(3141 / 1000),
  bignum(call) {
    if (call.client.output.protocol === 2) return call.reply.bulkText(BIG_NUMBER);
    raw(call, `(${BIG_NUMBER}\r\n`);
  },
  null: (call) => call.reply.nil(),
  array(call) {
    call.reply.array(3);
    numbers(call);
  },
  set(call) {
    call.reply.set(3);
    numbers(call);
  },
  map(call) {
    call.reply.map(3);
    for (let i = 0; i < 3; i++) {
      call.reply.integer(i);
      call.reply.boolean(i === 1);
    }
  },
  // An attribute is no reply of its own: one follows.
  attrib(call) {
    if (call.client.output.protocol === 3) {
      raw(call, '|1\r\n');
      call.reply.bulkText('key-popularity');
      call.reply.array(2);
      call.reply.bulkText('key:123');
      call.reply.integer(90);
    }
    call.reply.bulkText('Some real reply following the attribute');
  },
  push(call) {
    if (call.client.output.protocol === 2) return call.fail('ERR RESP2 is not supported by this command');
    call.reply.push(2);
    call.reply.bulkText('server-cpu-usage');
    call.reply.integer(42);
    call.reply.bulkText('Some real reply following the push reply');
  },
  true: (call) => call.reply.boolean(true),
  false: (call) => call.reply.boolean(false),
  verbatim: (call) => call.reply.verbatim('This is a verbatim\nstring'),
};

export function replyOfKind(call: Call): void {
  const kind = KINDS[call.text(2).toLowerCase()];
  if (kind !== undefined) return kind(call);
  call.fail(
    'ERR Wrong protocol type name. Please use one of the following: ' +
      'string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false',
  );
}

function raw(call: Call, text: string): void {
  const bytes = ascii(text);
  call.reply.raw(bytes, 0, bytes.length);
}
