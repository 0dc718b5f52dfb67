/**
 * One command's call: its arguments, its client, the database, and the ways to answer. Hot file: one instance serves every
 * request of a node in turn; nothing here allocates but the text helpers, which only rare commands use.
 *
 * Helpers that read an argument or a key answer the error themselves and set `failed`: the command then returns.
 */

import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import {
  ERR_NOT_FLOAT,
  ERR_NOT_INTEGER,
  ERR_TIMEOUT_NEGATIVE,
  ERR_TIMEOUT_NOT_FLOAT,
  ERR_TIMEOUT_NOT_INTEGER,
  ERR_TIMEOUT_RANGE,
  ERR_WRONG_TYPE,
} from '../protocol/errors.ts';
import { latin1, parseBigInteger, parseDouble, parseInteger } from '../protocol/numbers.ts';
import type { ReplyWriter } from '../protocol/reply.ts';
import type { WaitOptions } from './blocking.ts';
import { type Client, IMPORT_CLIENT, STREAM_CLIENT } from './client.ts';
import type { CommandEntry } from './registry.ts';
import type { Rooms } from './rooms.ts';

const NO_OPTIONS: WaitOptions = {}; // constant
/** The largest time in 64 bits. */
const MAX_TIME_MS = 2 ** 63;

export class Call {
  readonly rooms: Rooms;
  readonly keyspace: Keyspace;
  readonly reply: ReplyWriter;
  /** Room for a number in decimal, within one command. */
  readonly scratch: Uint8Array = new Uint8Array(32);
  client: Client;
  entry: CommandEntry;
  database: Database;
  /** Argument 0 is the command's name. */
  args: Arguments;
  bytes: Uint8Array;
  starts: Int32Array;
  ends: Int32Array;
  count = 0;
  /** A helper answered an error: return. */
  failed = false;
  /** The command waits, and is counted when it is answered. */
  waits = false;
  /** What `changed` added up: above 0 the command goes to the write log. */
  changes = 0;
  /** The forms to write to the log in place of the command itself; null for the command as it came. */
  rewritten: Arguments[] | null = null;
  /** The command is one of a transaction that EXEC runs: it must not block. */
  inExec = false;
  /** The command is one that a script calls. */
  inScript = false;

  constructor(rooms: Rooms, reply: ReplyWriter, client: Client, entry: CommandEntry) {
    this.rooms = rooms;
    this.keyspace = rooms.keyspace;
    this.reply = reply;
    this.client = client;
    this.entry = entry;
    this.database = rooms.keyspace.databases[0]!;
    this.args = new Arguments();
    this.bytes = this.args.bytes;
    this.starts = this.args.starts;
    this.ends = this.args.ends;
  }

  /** Points the call at a request. */
  begin(client: Client, entry: CommandEntry, args: Arguments): void {
    this.client = client;
    this.entry = entry;
    this.database = this.keyspace.databases[client.databaseIndex]!;
    this.args = args;
    this.bytes = args.bytes;
    this.starts = args.starts;
    this.ends = args.ends;
    this.count = args.count;
    this.failed = false;
    this.waits = false;
    this.changes = 0;
    this.rewritten = null;
  }

  get nowMs(): number {
    return this.keyspace.nowMs;
  }

  /** Says that the dataset changed, by so many of Valkey's dirty counts. */
  changed(count = 1): void {
    this.changes += count;
    this.keyspace.dirty += count;
  }

  /** Goes to the write log although it changed nothing of the dataset. */
  propagatedAsIs(): void {
    if (this.changes === 0) this.changes = 1;
  }

  /** Tells of a keyspace event on the key at argument `keyIndex`, when its kind (keyspace/events.ts) is selected. */
  notify(kind: number, event: string, keyIndex = 1): void {
    if ((this.keyspace.events & kind) === 0) return;
    this.keyspace.notify(kind, event, this.database, this.bytes, this.starts[keyIndex]!, this.ends[keyIndex]!);
  }

  /** Writes these to the log in place of the command as it came: what replicas must do to arrive at the same state. */
  propagateAs(...forms: Arguments[]): void {
    this.rewritten = forms;
  }

  /** Nothing is written to the log although something changed (it was written by other means). */
  propagateNothing(): void {
    this.rewritten = [];
  }

  /** False within EXEC and scripts, and for what a primary or a migration's source sent: nothing found is answered at once. */
  get mayBlock(): boolean {
    return !this.inExec && this.client.kind !== STREAM_CLIENT && this.client.kind !== IMPORT_CLIENT;
  }

  /** The command runs again since a key it waited for has changed. */
  get retrying(): boolean {
    return this.rooms.blocking.retrying;
  }

  /**
   * Blocks the client until one of the keys in arguments from … to holds a value of this type: the command then runs again, from the
   * start. `timeoutMs` 0 is no limit; `timedOut` writes the reply of a wait that ended by time, and of one that may not be.
   */
  waitForKeys(
    from: number,
    to: number,
    type: number,
    timeoutMs: number,
    timedOut: (reply: ReplyWriter) => void,
    options: WaitOptions = NO_OPTIONS,
  ): void {
    if (this.mayBlock) this.rooms.blocking.wait(this, from, to, type, timeoutMs, timedOut, options);
    else timedOut(this.reply);
  }

  /** Argument i as a time-out in seconds (a double), returned in ms; 0 is none. */
  timeout(index: number): number {
    const seconds = this.double(index, ERR_TIMEOUT_NOT_FLOAT);
    return this.failed ? 0 : this.checkedTimeout(Math.ceil(seconds * 1000));
  }

  /** Argument i as a time-out in whole milliseconds; 0 is none. */
  timeoutMilliseconds(index: number): number {
    const milliseconds = this.integer(index, ERR_TIMEOUT_NOT_INTEGER);
    return this.failed ? 0 : this.checkedTimeout(milliseconds);
  }

  private checkedTimeout(timeoutMs: number): number {
    if (timeoutMs > MAX_TIME_MS) this.fail(ERR_TIMEOUT_RANGE);
    else if (timeoutMs < 0) this.fail(ERR_TIMEOUT_NEGATIVE);
    else if (timeoutMs > MAX_TIME_MS - this.nowMs) this.fail(ERR_TIMEOUT_RANGE);
    return timeoutMs;
  }

  fail(text: string): void {
    this.failed = true;
    this.reply.error(text);
  }

  /** As `fail`, with a text whose characters are bytes: it cites what the client sent. */
  failBytes(text: string): void {
    this.failed = true;
    this.reply.errorBytes(text);
  }

  /** Argument i as an integer in ±2^63 (exact within ±2^53). Answers the error and sets `failed` otherwise. */
  integer(index: number, problem: string = ERR_NOT_INTEGER): number {
    const value = parseInteger(this.bytes, this.starts[index]!, this.ends[index]!);
    if (Number.isNaN(value)) this.fail(problem);
    return value;
  }

  bigInteger(index: number): bigint {
    const value = parseBigInteger(this.bytes, this.starts[index]!, this.ends[index]!);
    if (value === null) {
      this.fail(ERR_NOT_INTEGER);
      return 0n;
    }
    return value;
  }

  double(index: number, problem: string = ERR_NOT_FLOAT): number {
    const value = parseDouble(this.bytes, this.starts[index]!, this.ends[index]!);
    if (Number.isNaN(value)) this.fail(problem);
    return value;
  }

  length(index: number): number {
    return this.ends[index]! - this.starts[index]!;
  }

  /** Argument i as text (UTF-8). Allocates: for options and names, not for data. */
  text(index: number): string {
    return new TextDecoder().decode(this.bytes.subarray(this.starts[index]!, this.ends[index]!));
  }

  /** Argument i as text of its bytes, one character each. */
  latin1(index: number): string {
    return latin1(this.bytes, this.starts[index]!, this.ends[index]!);
  }

  /** A copy of argument i. */
  copy(index: number): Uint8Array {
    return this.bytes.slice(this.starts[index]!, this.ends[index]!);
  }

  /** True when argument i is this word, in any case. `word` is upper case. */
  is(index: number, word: string): boolean {
    const start = this.starts[index]!;
    if (this.ends[index]! - start !== word.length) return false;
    for (let i = 0; i < word.length; i++) {
      let byte = this.bytes[start + i]!;
      if (byte >= 97 && byte <= 122) byte -= 32;
      if (byte !== word.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Looks argument i up as a key, for reading. NONE when absent. The entry is open in `database.view`. */
  find(index: number): Address {
    return this.database.find(this.bytes, this.starts[index]!, this.ends[index]!);
  }

  findForWrite(index: number): Address {
    return this.database.findForWrite(this.bytes, this.starts[index]!, this.ends[index]!);
  }

  /** As `find`, and answers WRONGTYPE (setting `failed`) when the key holds another type. */
  findTyped(index: number, type: number): Address {
    const entry = this.database.find(this.bytes, this.starts[index]!, this.ends[index]!);
    if (entry !== NONE && this.database.view.type !== type) this.fail(ERR_WRONG_TYPE);
    return entry;
  }

  findTypedForWrite(index: number, type: number): Address {
    const entry = this.database.findForWrite(this.bytes, this.starts[index]!, this.ends[index]!);
    if (entry !== NONE && this.database.view.type !== type) this.fail(ERR_WRONG_TYPE);
    return entry;
  }

  /** Writes argument i as a bulk string. */
  replyArgument(index: number): void {
    this.reply.bulk(this.bytes, this.starts[index]!, this.ends[index]!);
  }

  /** The HELP reply of a container command: Valkey's heading, the lines, and HELP's own line. */
  /** For a subcommand whose arguments no arity can judge. Source: Valkey 9.1 addReplySubcommandSyntaxError. */
  failSubcommand(): void {
    const name = (this.entry.parent ?? this.entry).command.name.toUpperCase();
    const given = this.text(1).slice(0, 128);
    this.fail(`ERR unknown subcommand or wrong number of arguments for '${given}'. Try ${name} HELP.`);
  }

  help(lines: readonly string[]): void {
    const name = (this.entry.parent ?? this.entry).command.name.toUpperCase();
    this.reply.array(lines.length + 3);
    this.reply.simple(`${name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
    for (const line of lines) this.reply.simple(line);
    this.reply.simple('HELP');
    this.reply.simple('    Print this help.');
  }
}
