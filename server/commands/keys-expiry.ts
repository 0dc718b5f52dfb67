/**
 * Commands on keys' expiry. Hot file: TTL allocates nothing.
 * Source: Valkey 9.1 expire.c.
 */
import { NO_EXPIRY } from '../keyspace/database.ts';
import { EVENT_GENERIC } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import type { Call } from './call.ts';
import { type Command, FAST, ONE_KEY, READONLY, WRITE } from './command.ts';
import { absoluteTime, expireFound } from './expire-time.ts';

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;

/** EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT. */
function expire(call: Call, unitMs: number, relative: boolean): void {
  let options = 0;
  for (let i = 3; i < call.count; i++) {
    if (call.is(i, 'NX')) options |= NX;
    else if (call.is(i, 'XX')) options |= XX;
    else if (call.is(i, 'GT')) options |= GT;
    else if (call.is(i, 'LT')) options |= LT;
    else {
      call.fail(`ERR Unsupported option ${call.text(i)}`);
      return;
    }
  }
  if ((options & NX) !== 0 && options !== NX) {
    call.fail('ERR NX and XX, GT or LT options at the same time are not compatible');
    return;
  }
  if ((options & (GT | LT)) === (GT | LT)) {
    call.fail('ERR GT and LT options at the same time are not compatible');
    return;
  }
  const value = call.integer(2);
  if (call.failed) return;
  const at = absoluteTime(call, 2, value, unitMs, relative ? call.nowMs : 0);
  if (call.failed) return;
  const { database } = call;
  if (call.findForWrite(1) === NONE || !allows(options, database.view.expireAtMs(), at)) {
    call.reply.integer(0);
    return;
  }
  if (at <= call.nowMs && call.keyspace.deletesExpired) expireFound(call);
  else {
    database.setExpiry(Math.max(1, at));
    call.changed();
    call.notify(EVENT_GENERIC, 'expire');
    if (relative || unitMs !== 1) call.propagateAs(absoluteForm(call, at));
  }
  call.reply.integer(1);
}

/** PEXPIREAT with the options as they came. */
function absoluteForm(call: Call, at: number): Arguments {
  const words: (Uint8Array | string | number)[] = ['PEXPIREAT', call.copy(1), at];
  for (let i = 3; i < call.count; i++) words.push(call.copy(i));
  return Arguments.of(...words);
}

/** A key without expiry lives for ever: greater than any time. */
function allows(options: number, current: number, next: number): boolean {
  if ((options & NX) !== 0) return current === 0;
  if ((options & XX) !== 0 && current === 0) return false;
  if ((options & GT) !== 0 && (current === 0 || next <= current)) return false;
  return (options & LT) === 0 || current === 0 || next < current;
}

/** TTL, PTTL, EXPIRETIME, PEXPIRETIME: -2 without a key, -1 without an expiry. */
function ttl(call: Call, unitMs: number, absolute: boolean): void {
  const { database } = call;
  if (database.findWithoutAccess(call.bytes, call.starts[1]!, call.ends[1]!) === NONE) {
    call.reply.integer(-2);
    return;
  }
  const at = database.view.expireAtMs();
  if (at === 0) {
    call.reply.integer(-1);
    return;
  }
  const value = absolute ? at : Math.max(0, at - call.nowMs);
  call.reply.integer(unitMs === 1 ? value : Math.floor((value + 500) / 1000));
}

function persist(call: Call): void {
  if (call.findForWrite(1) === NONE || !call.database.view.expires) {
    call.reply.integer(0);
    return;
  }
  call.database.setExpiry(NO_EXPIRY);
  call.changed();
  call.notify(EVENT_GENERIC, 'persist');
  call.reply.integer(1);
}

export const expiryCommands: readonly Command[] = [
  {
    name: 'expire',
    arity: -3,
    group: 'generic',
    since: '1.0.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Sets the expiration time of a key in seconds.',
    run: (call) => expire(call, 1000, true),
  },
  {
    name: 'pexpire',
    arity: -3,
    group: 'generic',
    since: '2.6.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Sets the expiration time of a key in milliseconds.',
    run: (call) => expire(call, 1, true),
  },
  {
    name: 'expireat',
    arity: -3,
    group: 'generic',
    since: '1.2.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Sets the expiration time of a key to a Unix timestamp.',
    run: (call) => expire(call, 1000, false),
  },
  {
    name: 'pexpireat',
    arity: -3,
    group: 'generic',
    since: '2.6.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Sets the expiration time of a key to a Unix milliseconds timestamp.',
    run: (call) => expire(call, 1, false),
  },
  {
    name: 'ttl',
    arity: 2,
    group: 'generic',
    since: '1.0.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Returns the expiration time in seconds of a key.',
    run: (call) => ttl(call, 1000, false),
  },
  {
    name: 'pttl',
    arity: 2,
    group: 'generic',
    since: '2.6.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Returns the expiration time in milliseconds of a key.',
    run: (call) => ttl(call, 1, false),
  },
  {
    name: 'expiretime',
    arity: 2,
    group: 'generic',
    since: '7.0.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Returns the expiration time of a key as a Unix timestamp.',
    run: (call) => ttl(call, 1000, true),
  },
  {
    name: 'pexpiretime',
    arity: 2,
    group: 'generic',
    since: '7.0.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Returns the expiration time of a key as a Unix milliseconds timestamp.',
    run: (call) => ttl(call, 1, true),
  },
  {
    name: 'persist',
    arity: 2,
    group: 'generic',
    since: '2.2.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Removes the expiration time of a key.',
    run: persist,
  },
];
