/**
 * Commands on HyperLogLogs, which are strings to every other command. Hot file: PFADD allocates nothing for elements that are known.
 * Source: Valkey 9.1 hyperloglog.c.
 */
import { NO_EXPIRY } from '../keyspace/database.ts';
import { EDITED, STRING } from '../keyspace/entry.ts';
import { EVENT_STRING } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_WRONG_TYPE } from '../protocol/errors.ts';
import { CORRUPT, HyperLogLog, REGISTERS } from '../types/hyperloglog.ts';
import type { Call } from './call.ts';
import {
  ADMIN,
  ALL_KEYS,
  type Command,
  DENYOOM,
  FAST,
  MAY_REPLICATE,
  NO_KEYS,
  ONE_KEY,
  READONLY,
  WRITE,
} from './command.ts';

const ERR_NOT_HYPERLOGLOG = 'WRONGTYPE Key is not a valid HyperLogLog string value.';
const ERR_CORRUPT = 'INVALIDOBJ Corrupted HLL object detected';
/** PFSELFTEST counts so many elements: Valkey's ten million would hold the thread for seconds. */
const SELF_TEST_ELEMENTS = 1_000_000;
const SELF_TEST_CYCLES = 20;

/** Opens the value of a key that was found; false after an error was answered. */
function openFound(call: Call, hll: HyperLogLog): boolean {
  const { database } = call;
  if (database.view.type !== STRING) {
    call.fail(ERR_WRONG_TYPE);
    return false;
  }
  const at = database.openString();
  if (hll.open(database.valueSegment, at, database.view.stringLength())) return true;
  call.fail(ERR_NOT_HYPERLOGLOG);
  return false;
}

/** Gives the key of an argument, found or not, the value that the cursor owns. */
function put(call: Call, hll: HyperLogLog, keyIndex: number): void {
  const { database } = call;
  if (database.entry === NONE) {
    const { bytes, starts, ends } = call;
    database.putString(bytes, starts[keyIndex]!, ends[keyIndex]!, hll.bytes, hll.at, hll.at + hll.length, NO_EXPIRY);
    database.markWritten(EDITED);
    return;
  }
  const at = database.resizeString(hll.length);
  database.valueSegment.set(hll.bytes.subarray(hll.at, hll.at + hll.length), at);
}

function sparseLimit(call: Call): number {
  return call.rooms.settings.integer('hll-sparse-max-bytes');
}

function pfadd(call: Call, hll: HyperLogLog): void {
  const { database } = call;
  const found = call.findForWrite(1) !== NONE;
  if (found) {
    if (!openFound(call, hll)) return;
  } else hll.create();
  let owned = !found;
  let updated = found ? 0 : 1;
  for (let i = 2; i < call.count; i++) {
    hll.hash(call.bytes, call.starts[i]!, call.ends[i]!);
    if (!hll.wouldRaise(hll.register, hll.run)) continue;
    if (updated === 0) {
      // A dense value is changed where it lies.
      if (hll.isDense) database.beginChange();
      else {
        hll.own();
        owned = true;
      }
    }
    if (owned) hll.sparseMaxBytes = sparseLimit(call);
    const result = hll.raise(hll.register, hll.run);
    if (result === CORRUPT) {
      // As in Valkey, what was added before the damage was met stays.
      if (owned && updated > 0) put(call, hll, 1);
      call.fail(ERR_CORRUPT);
      return;
    }
    updated += result;
  }
  if (updated > 0) {
    hll.markStale();
    if (owned) put(call, hll, 1);
    call.notify(EVENT_STRING, 'pfadd', 1);
    call.changed(updated);
  }
  call.reply.integer(updated > 0 ? 1 : 0);
}

/** The union of the keys at arguments from 1 on, in `merged`: false after an error was answered. */
function mergeAll(call: Call, hll: HyperLogLog, sawDense: () => void): boolean {
  hll.clearMerged();
  for (let i = 1; i < call.count; i++) {
    if (call.find(i) === NONE) continue;
    if (!openFound(call, hll)) return false;
    if (hll.isDense) sawDense();
    if (!hll.merge()) {
      call.fail(ERR_CORRUPT);
      return false;
    }
  }
  return true;
}

function pfcount(call: Call, hll: HyperLogLog): void {
  if (call.count > 2) {
    if (mergeAll(call, hll, () => {})) call.reply.bigInteger(hll.countMerged());
    return;
  }
  if (call.find(1) === NONE) {
    call.reply.integer(0);
    return;
  }
  if (!openFound(call, hll)) return;
  if (!hll.isStale) {
    call.reply.bigInteger(hll.cached());
    return;
  }
  const cardinality = hll.count();
  if (cardinality === null) {
    call.fail(ERR_CORRUPT);
    return;
  }
  // A read that changes the value, and so goes to replicas: they cache the same.
  call.database.beginChange();
  hll.cache(cardinality);
  call.changed();
  call.reply.bigInteger(cardinality);
}

function pfmerge(call: Call, hll: HyperLogLog): void {
  let dense = false;
  const merged = mergeAll(call, hll, () => {
    dense = true;
  });
  if (!merged) return;
  if (call.findForWrite(1) === NONE) hll.create();
  else {
    openFound(call, hll);
    hll.own();
  }
  hll.sparseMaxBytes = sparseLimit(call);
  if (dense && !hll.toDense()) {
    call.fail(ERR_CORRUPT);
    return;
  }
  for (let register = 0; register < REGISTERS; register++) {
    if (hll.merged[register] !== 0) hll.raise(register, hll.merged[register]!);
  }
  hll.markStale();
  put(call, hll, 1);
  call.notify(EVENT_STRING, 'pfadd', 1);
  call.changed();
  call.reply.ok();
}

function pfdebug(call: Call, hll: HyperLogLog): void {
  const { reply } = call;
  if (call.is(1, 'SIMD')) {
    // Valkey switches between two ways of the same sums; here there is one.
    if (call.is(2, 'ON') || call.is(2, 'OFF')) reply.simple(call.is(2, 'ON') ? 'enabled' : 'disabled');
    else call.fail('ERR Argument must be ON or OFF');
    return;
  }
  if (call.findForWrite(2) === NONE) {
    call.fail('ERR The specified key does not exist');
    return;
  }
  if (!openFound(call, hll)) return;
  if (call.is(1, 'GETREG')) {
    if (!densify(call, hll)) return;
    reply.array(REGISTERS);
    for (let register = 0; register < REGISTERS; register++) reply.integer(hll.registerAt(register));
  } else if (call.is(1, 'DECODE')) {
    if (hll.isDense) {
      call.fail('ERR HLL encoding is not sparse');
      return;
    }
    const runs: string[] = [];
    hll.eachRun((_, length, value, long) => {
      runs.push(value > 0 ? `v:${value},${length}` : `${long ? 'Z' : 'z'}:${length}`);
      return true;
    });
    reply.bulkText(runs.join(' '));
  } else if (call.is(1, 'ENCODING')) reply.simple(hll.isDense ? 'dense' : 'sparse');
  else if (call.is(1, 'TODENSE')) {
    const converts = !hll.isDense;
    if (densify(call, hll)) reply.integer(converts ? 1 : 0);
  } else call.fail(`ERR Unknown PFDEBUG subcommand '${call.text(1)}'`);
}

/** Makes the value at argument 2 dense; false after an error was answered. */
function densify(call: Call, hll: HyperLogLog): boolean {
  if (hll.isDense) return true;
  if (!hll.toDense()) {
    call.fail(ERR_CORRUPT);
    return false;
  }
  put(call, hll, 2);
  call.changed();
  return true;
}

/** Registers hold what is put into them, both representations agree, and the estimate is near the truth. */
function pfselftest(call: Call, hll: HyperLogLog): void {
  const random = (): number => call.rooms.host.random();
  const dense = new HyperLogLog();
  dense.create();
  dense.toDense();
  const expected = new Uint8Array(REGISTERS);
  for (let cycle = 0; cycle < SELF_TEST_CYCLES; cycle++) {
    for (let i = 0; i < REGISTERS; i++) {
      const value = random() & 63;
      dense.raise(i, value);
      expected[i] = Math.max(expected[i]!, value);
    }
    for (let i = 0; i < REGISTERS; i++) {
      const value = dense.registerAt(i);
      if (value === expected[i]) continue;
      call.fail(`TESTFAILED Register ${i} should be ${expected[i]} but is ${value}`);
      return;
    }
  }
  const plain = new HyperLogLog();
  plain.create();
  plain.toDense();
  hll.create();
  hll.sparseMaxBytes = sparseLimit(call);
  const element = new Uint8Array(8);
  const words = new Uint32Array(element.buffer);
  const seed = random();
  words[1] = random();
  let checkpoint = 1;
  for (let i = 1; i <= SELF_TEST_ELEMENTS; i++) {
    words[0] = i ^ seed;
    hll.hash(element, 0, element.length);
    hll.raise(hll.register, hll.run);
    plain.raise(hll.register, hll.run);
    if (i !== checkpoint) continue;
    if (i < hll.sparseMaxBytes / 2 && hll.isDense) return call.fail('TESTFAILED sparse encoding not used');
    const count = Number(plain.count());
    if (count !== Number(hll.count())) return call.fail('TESTFAILED dense/sparse disagree');
    const allowed = i === 10 ? 1 : Math.ceil((1.04 / Math.sqrt(REGISTERS)) * 6 * i);
    const error = Math.abs(i - count);
    if (error > allowed) return call.fail(`TESTFAILED Too big error. card:${i} abserr:${error}`);
    checkpoint *= 10;
  }
  call.reply.ok();
}

export function hyperLogLogCommands(): readonly Command[] {
  const hll = new HyperLogLog();
  const row = { group: 'hyperloglog', since: '2.8.9' } as const;
  return [
    {
      ...row,
      name: 'pfadd',
      arity: -2,
      flags: WRITE | DENYOOM | FAST,
      keys: ONE_KEY,
      summary: "Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.",
      run: (call) => pfadd(call, hll),
    },
    {
      ...row,
      name: 'pfcount',
      arity: -2,
      flags: READONLY | MAY_REPLICATE,
      keys: ALL_KEYS,
      summary: 'Returns the approximated cardinality of the set(s) observed by the HyperLogLog key(s).',
      run: (call) => pfcount(call, hll),
    },
    {
      ...row,
      name: 'pfmerge',
      arity: -2,
      flags: WRITE | DENYOOM,
      keys: ALL_KEYS,
      summary: 'Merges one or more HyperLogLog values into a single key.',
      run: (call) => pfmerge(call, hll),
    },
    {
      ...row,
      name: 'pfdebug',
      arity: 3,
      flags: WRITE | DENYOOM | ADMIN,
      keys: { first: 2, last: 2, step: 1 },
      summary: 'Internal commands for debugging HyperLogLog values.',
      run: (call) => pfdebug(call, hll),
    },
    {
      ...row,
      name: 'pfselftest',
      arity: 1,
      flags: ADMIN,
      keys: NO_KEYS,
      summary: 'An internal command for testing HyperLogLog values.',
      run: (call) => pfselftest(call, hll),
    },
  ];
}
