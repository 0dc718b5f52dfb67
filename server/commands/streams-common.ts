/**
 * What commands on streams share: the open stream, ids among arguments, entries in replies, and the forms in which changes are
 * propagated. One instance a node. Hot file: nothing allocates per entry.
 * Source: Valkey 9.1 t_stream.c.
 */
import { STREAM } from '../keyspace/entry.ts';
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import { MAX_ID_TEXT_BYTES, NOT_AN_ID, StreamId } from '../memory/stream-id.ts';
import { Arguments } from '../protocol/arguments.ts';
import { writeDecimal } from '../protocol/reply.ts';
import type { StreamGroups, Streams, Types } from '../types/index.ts';
import type { Call } from './call.ts';

export const ERR_STREAM_ID = 'ERR Invalid stream ID specified as stream command argument';
const ERR_START = 'ERR invalid start ID for the interval';
const ERR_END = 'ERR invalid end ID for the interval';
export const errNoGroup = (call: Call, key: number, group: number): string =>
  `NOGROUP No such key '${call.text(key)}' or consumer group '${call.text(group)}'`;

/** How ids in arguments are read. */
export const STRICT = true;
const LOOSE = false;
const PARENTHESIS = 40;
const NUMBER_BYTES = 24;
/** Forms and bytes beyond this are given back after use. */
const KEPT_FORMS = 256;
const KEPT_BYTES = 256 * 1024;

export class StreamDesk {
  readonly types: Types;
  readonly streams: Streams;
  readonly groups: StreamGroups;
  readonly forms = new Forms();
  readonly start = new StreamId();
  readonly end = new StreamId();
  readonly id = new StreamId();
  private readonly text: Uint8Array = new Uint8Array(MAX_ID_TEXT_BYTES);

  constructor(types: Types) {
    this.types = types;
    this.streams = types.streams;
    this.groups = types.groups;
  }

  // --- Streams and groups --------------------------------------------------------------------------------------------

  /** Opens the stream at argument `index` for reading; false when there is none or an error was answered. */
  open(call: Call, index = 1): boolean {
    if (call.findTyped(index, STREAM) === NONE || call.failed) return false;
    this.streams.openFound(call.database);
    return true;
  }

  openForWrite(call: Call, index = 1): boolean {
    if (call.findTypedForWrite(index, STREAM) === NONE || call.failed) return false;
    this.streams.openFound(call.database);
    return true;
  }

  /** Opens the group named by an argument in the open stream. */
  openGroup(call: Call, index: number): boolean {
    return this.groups.open(this.streams.root).find(call.bytes, call.starts[index]!, call.ends[index]!);
  }

  /** The open group's consumer that an argument names, NONE when there is none. */
  findConsumer(call: Call, index: number): Address {
    return this.groups.findConsumer(call.bytes, call.starts[index]!, call.ends[index]!);
  }

  /**
   * A group or its pending entries are about to change: snapshots take the old value first. Those are no changes of the key for WATCH,
   * tracking and waiting clients.
   */
  beginQuietChange(call: Call): void {
    call.database.table.beforeChange();
  }

  // --- Ids -----------------------------------------------------------------------------------------------------------

  /** Reads an id from argument `index`; answers the error and is false otherwise. */
  readId(call: Call, index: number, into: StreamId, strict: boolean, last = false): boolean {
    if (into.parse(call.bytes, call.starts[index]!, call.ends[index]!, strict, last) !== NOT_AN_ID) return true;
    call.fail(ERR_STREAM_ID);
    return false;
  }

  /** Reads the two ends of a range, each exclusive when it begins with `(`. */
  readRange(call: Call, startIndex: number, endIndex: number): boolean {
    return this.readBound(call, startIndex, this.start, false) && this.readBound(call, endIndex, this.end, true);
  }

  readBound(call: Call, index: number, into: StreamId, isEnd: boolean): boolean {
    const from = call.starts[index]!;
    const to = call.ends[index]!;
    const exclusive = to - from > 1 && call.bytes[from] === PARENTHESIS;
    const parsed = exclusive
      ? into.parse(call.bytes, from + 1, to, STRICT, isEnd)
      : into.parse(call.bytes, from, to, LOOSE, isEnd);
    if (parsed === NOT_AN_ID) call.fail(ERR_STREAM_ID);
    else if (exclusive && !(isEnd ? into.decrement() : into.increment())) call.fail(isEnd ? ERR_END : ERR_START);
    return !call.failed;
  }

  // --- Replies -------------------------------------------------------------------------------------------------------

  replyId(call: Call, id: StreamId): void {
    call.reply.bulk(this.text, 0, id.write(this.text, 0));
  }

  /** The entry at which the walk over the open stream stands. */
  replyEntry(call: Call): void {
    const { reply } = call;
    const { node } = this.streams;
    reply.array(2);
    this.replyId(call, node.id);
    const { fields } = node;
    reply.array(fields * 2);
    const { name, value } = node;
    node.beginFields();
    for (let i = 0; i < fields; i++) {
      node.nextField();
      reply.bulk(name.bytes, name.from, name.to);
      reply.bulk(value.bytes, value.from, value.to);
    }
  }

  /** Entries of the open stream from one id to another; `count` 0 is no limit. */
  replyRange(call: Call, from: StreamId, to: StreamId, count: number, backwards: boolean): void {
    const { streams } = this;
    const mark = call.reply.mark();
    let written = 0;
    streams.range(from, to, backwards);
    while (streams.next()) {
      this.replyEntry(call);
      if (++written === count) break;
    }
    call.reply.arrayFrom(mark, written);
  }

  // --- Propagation ---------------------------------------------------------------------------------------------------

  /**
   * The pending entry at which the open group's `pending` stands, whose id is `id`, as replicas must set it. `written`: the argument
   * in which that id stands, 0 for none.
   */
  propagateClaim(call: Call, key: number, group: number, id: StreamId, written = 0): void {
    const { forms, groups } = this;
    const { consumers } = groups;
    forms.next();
    forms.text('XCLAIM');
    forms.copy(call, key);
    forms.copy(call, group);
    consumers.readName(groups.consumer);
    forms.argument(consumers.segment, consumers.from, consumers.to);
    forms.number(0);
    if (written > 0) forms.copy(call, written);
    else forms.id(id);
    forms.text('TIME');
    forms.number(groups.deliveredAtMs);
    forms.text('RETRYCOUNT');
    forms.number(groups.deliveries);
    forms.text('FORCE');
    forms.text('JUSTID');
    forms.text('LASTID');
    forms.id(groups.lastId);
  }

  /** How far the open group has read. */
  propagateGroupId(call: Call, key: number, group: number): void {
    const { forms, groups } = this;
    forms.next();
    forms.text('XGROUP');
    forms.text('SETID');
    forms.copy(call, key);
    forms.copy(call, group);
    forms.id(groups.lastId);
    forms.text('ENTRIESREAD');
    forms.number(groups.entriesRead);
  }

  propagateConsumer(call: Call, key: number, group: number, consumer: number): void {
    const { forms } = this;
    forms.next();
    forms.text('XGROUP');
    forms.text('CREATECONSUMER');
    forms.copy(call, key);
    forms.copy(call, group);
    forms.copy(call, consumer);
  }
}

/** Commands that stand for a call in the write log, one after another; they are copied from here when the call is over. */
export class Forms {
  private readonly made: Arguments[] = [];
  private readonly used: Arguments[] = [];
  private bytes: Uint8Array = new Uint8Array(1024);
  private at = 0;
  private form: Arguments = new Arguments();

  /** Forgets the forms of the call before. */
  begin(): void {
    this.used.length = 0;
    this.at = 0;
    if (this.made.length > KEPT_FORMS) this.made.length = KEPT_FORMS;
    if (this.bytes.length > KEPT_BYTES) this.bytes = new Uint8Array(1024);
  }

  /** Begins a form. */
  next(): void {
    const index = this.used.length;
    let form = this.made[index];
    if (form === undefined) {
      form = new Arguments();
      this.made.push(form);
    }
    form.bytes = this.bytes;
    form.count = 0;
    this.form = form;
    this.used.push(form);
  }

  /** The call is propagated as these, be they none. */
  propagate(call: Call): void {
    call.rewritten = this.used;
  }

  copy(call: Call, index: number): void {
    this.argument(call.bytes, call.starts[index]!, call.ends[index]!);
  }

  argument(source: Uint8Array, from: number, to: number): void {
    const start = this.room(to - from);
    if (to - from > 64) this.bytes.set(source.subarray(from, to), start);
    else for (let i = from, at = start; i < to; i++) this.bytes[at++] = source[i]!;
    this.end(start + to - from);
  }

  /** A word in ASCII. */
  text(word: string): void {
    let at = this.room(word.length);
    for (let i = 0; i < word.length; i++) this.bytes[at++] = word.charCodeAt(i);
    this.end(at);
  }

  number(value: number): void {
    const start = this.room(NUMBER_BYTES);
    this.end(writeDecimal(this.bytes, start, value));
  }

  id(id: StreamId): void {
    const start = this.room(MAX_ID_TEXT_BYTES);
    this.end(id.write(this.bytes, start));
  }

  /** Where the next argument of the form begins, with room for so many bytes. */
  private room(sizeBytes: number): number {
    const { form } = this;
    form.ensure(form.count + 1);
    if (this.at + sizeBytes > this.bytes.length) {
      // Forms that are complete keep the buffer that they are in; this one moves to a larger one.
      const start = form.count === 0 ? this.at : form.starts[0]!;
      const kept = this.at - start;
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, (kept + sizeBytes) * 2));
      larger.set(this.bytes.subarray(start, this.at));
      for (let i = 0; i < form.count; i++) {
        form.starts[i]! -= start;
        form.ends[i]! -= start;
      }
      this.bytes = larger;
      this.at = kept;
      form.bytes = larger;
    }
    form.starts[form.count] = this.at;
    return this.at;
  }

  private end(at: number): void {
    const { form } = this;
    form.ends[form.count++] = at;
    this.at = at;
  }
}
