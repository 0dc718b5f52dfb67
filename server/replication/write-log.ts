/**
 * The write log: the one stream of changes of a node, and everything that reads it. Hot file: no allocation per append.
 *
 * Stream: the bytes that replicas receive, in blocks of BLOCK_BYTES that are recycled. On a primary they are commands
 * framed by SELECT and MULTI/EXEC; on a replica they are its primary's bytes as they came.
 * Side ring: per command {offset, length, database, slot, flags}, kept only while a reader of commands is attached
 * (slot migration, the append-only file): such readers do their own framing.
 * Retained: what the slowest reader has not read, and the backlog (the last `backlogBytes`) for replicas that come back.
 * With neither backlog nor reader nothing is appended, and `active` says so before anybody prepares an append.
 *
 * Positions count the bytes of the stream before a byte; Valkey's protocol counts from 1, so its offset n is position n-1.
 * A reader more than its limit behind is dropped with a reason, checked once a block and in `enforceLimits`.
 */
import assert from 'node:assert';
import { decimalDigits, writeDecimal } from '../protocol/reply.ts';

export const BLOCK_BYTES = 64 * 1024;
/** Blocks kept for reuse; in steady state one is trimmed whenever one is filled. */
const SPARE_BLOCKS = 16;
const INITIAL_ENTRIES = 1024;
/** Emptied places at the front of the list of blocks before it is moved down. */
const COMPACT_AFTER = 64;
/** `$`, a length of at most 10 digits and two line ends around an argument. */
const ARGUMENT_FRAME_BYTES = 15;
/** Below this a byte loop beats the call into TypedArray.prototype.set with its subarray object. */
const LOOP_COPY_BYTES = 64;

export const NO_SLOT = -1;
const NO_DATABASE = -1;

/** Flags of an entry. */
export const IN_TRANSACTION = 1;

const MULTI: Uint8Array = bytesOf('*1\r\n$5\r\nMULTI\r\n');
const EXEC: Uint8Array = bytesOf('*1\r\n$4\r\nEXEC\r\n');
const PING: Uint8Array = bytesOf('*1\r\n$4\r\nPING\r\n');
const GETACK: Uint8Array = bytesOf('*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n');
const SELECT: Uint8Array = bytesOf('*2\r\n$6\r\nSELECT\r\n');
const LINE_END: Uint8Array = bytesOf('\r\n');
const NO_BYTES: Uint8Array = new Uint8Array(0);

/** The zero id that Valkey shows as master_replid2 when there is none. */
export const NO_REPLICATION_ID = '0'.repeat(40);

/** Anything that takes byte ranges: an output, a ChunkWriter. */
export interface ByteTarget {
  bytes(source: Uint8Array, from: number, to: number): void;
}

export interface ReaderOwner {
  /** The reader fell too far behind and is detached; its owner ends what it was for. */
  logReaderDropped(reason: string): void;
}

/** A reader's place in the stream. Made by `attach`; all fields but `limitBytes` are the log's to change. */
export class LogReader {
  readonly name: string;
  readonly owner: ReaderOwner;
  readonly readsCommands: boolean;
  /** Bytes it may be behind; 0 for no limit. */
  limitBytes: number;
  position: number;
  attached = true;

  /** For readers of commands: the entry to read next, and after `nextCommand` what it was. */
  sequence = 0;
  database = 0;
  slot = NO_SLOT;
  flags = 0;
  commandAt = 0;
  commandBytes = 0;

  /** For readers of bytes: after `nextBytes` the range that may be taken. */
  bytes: Uint8Array = NO_BYTES;
  from = 0;
  to = 0;

  constructor(name: string, owner: ReaderOwner, readsCommands: boolean, limitBytes: number, position: number) {
    this.name = name;
    this.owner = owner;
    this.readsCommands = readsCommands;
    this.limitBytes = limitBytes;
    this.position = position;
  }
}

export class WriteLog {
  /** Whether appends are wanted. The executor reads it before it prepares one. */
  active = false;
  /** Forty hexadecimal digits that name this history, and the one it was taken over from. */
  id: string;
  previousId = NO_REPLICATION_ID;
  /** The previous id's history is ours up to here (a position); -1 for none. */
  previousIdEnd = -1;

  /** Blocks in use, oldest first, from `head` on. */
  private blocks: Uint8Array[] = [];
  private head = 0;
  private readonly spare: Uint8Array[] = [];
  /** The newest block (NO_BYTES when there is none), how much of it is filled, and the position of its first byte. */
  private block: Uint8Array = NO_BYTES;
  private at = 0;
  private blockPosition: number;
  /** First byte retained: a replica may continue from here. */
  private startPosition: number;

  private backlog = false;
  private backlogBytes = 0;
  private relaying = false;
  private readonly readers: LogReader[] = [];

  private database = NO_DATABASE;
  private transactionOpen = false;
  private transactionBegun = false;
  /** `$` or `*`, a number, a line end. */
  private readonly scratch: Uint8Array = new Uint8Array(24);

  /** The side ring: entries `firstEntry` to `nextEntry`, at their sequence number modulo the capacity. */
  private commandReaders = 0;
  private firstEntry = 0;
  private nextEntry = 0;
  private entryCapacity = INITIAL_ENTRIES;
  private entryPositions: Float64Array = new Float64Array(INITIAL_ENTRIES);
  private entryBytes: Int32Array = new Int32Array(INITIAL_ENTRIES);
  private entryDatabases: Int32Array = new Int32Array(INITIAL_ENTRIES);
  private entrySlots: Int32Array = new Int32Array(INITIAL_ENTRIES);
  private entryFlags: Uint8Array = new Uint8Array(INITIAL_ENTRIES);

  constructor(id: string, position = 0) {
    assert(id.length === 40, 'a replication id has forty digits');
    this.id = id;
    this.blockPosition = position;
    this.startPosition = position;
  }

  /** Bytes of the stream so far: Valkey's master_repl_offset. */
  get position(): number {
    return this.blockPosition + this.at;
  }

  get start(): number {
    return this.startPosition;
  }

  get hasBacklog(): boolean {
    return this.backlog;
  }

  get backlogLimitBytes(): number {
    return this.backlogBytes;
  }

  /** Memory held, filled or not. */
  get memoryBytes(): number {
    return (this.blocks.length - this.head + this.spare.length) * BLOCK_BYTES;
  }

  /** Of it, what is there because readers have not read it yet, or is about to be freed: not the backlog's. */
  get beyondBacklogBytes(): number {
    return Math.max(0, this.memoryBytes - this.backlogBytes);
  }

  get readerCount(): number {
    return this.readers.length;
  }

  // --- Appending -----------------------------------------------------------------------------------------------------

  /** Appends a command whose arguments are input[starts[i], ends[i]). `slot` is NO_SLOT for one without keys. */
  appendCommand(
    database: number,
    slot: number,
    input: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    argc: number,
  ): void {
    if (this.transactionOpen && !this.transactionBegun) {
      this.transactionBegun = true;
      this.put(MULTI, 0, MULTI.length);
    }
    if (database !== this.database) this.select(database);
    let room = ARGUMENT_FRAME_BYTES;
    for (let i = 0; i < argc; i++) room += ends[i]! - starts[i]! + ARGUMENT_FRAME_BYTES;
    const from = this.at;
    const fromPosition = this.blockPosition;
    if (from + room <= this.block.length) {
      this.at = writeCommand(this.block, from, input, starts, ends, argc);
    } else {
      this.putNumber(42, argc);
      for (let i = 0; i < argc; i++) {
        this.putNumber(36, ends[i]! - starts[i]!);
        this.put(input, starts[i]!, ends[i]!);
        this.put(LINE_END, 0, 2);
      }
    }
    if (this.commandReaders > 0) this.addEntry(fromPosition + from, database, slot);
  }

  /** What is appended until `endTransaction` is one MULTI/EXEC; nothing when nothing is appended. */
  beginTransaction(): void {
    if (this.relaying) return;
    assert(!this.transactionOpen, 'transactions do not nest');
    this.transactionOpen = true;
  }

  endTransaction(): void {
    if (this.transactionBegun) this.put(EXEC, 0, EXEC.length);
    this.transactionOpen = false;
    this.transactionBegun = false;
  }

  /** On a replica: bytes of the primary's stream, whole commands, as they came. */
  appendRaw(bytes: Uint8Array, from: number, to: number): void {
    this.put(bytes, from, to);
  }

  /** Keeps idle replicas informed that the primary lives. */
  appendPing(): void {
    this.put(PING, 0, PING.length);
  }

  /** Asks every replica for its offset at once. */
  appendGetAck(): void {
    this.put(GETACK, 0, GETACK.length);
  }

  /** The next command is preceded by a SELECT: a reader begins here that knows nothing of what came before. */
  forgetDatabase(): void {
    this.database = NO_DATABASE;
  }

  /** The database that commands at the end of the stream are in; -1 when the next command says it. */
  get streamDatabase(): number {
    return this.database;
  }

  private select(database: number): void {
    this.database = database;
    this.put(SELECT, 0, SELECT.length);
    this.putNumber(36, decimalDigits(database));
    this.putNumber(0, database);
  }

  /** `*3\r\n`, `$17\r\n`, or with no kind (0) `17\r\n`: across a block's end where need be. */
  private putNumber(kind: number, value: number): void {
    const { scratch } = this;
    let at = 0;
    if (kind !== 0) scratch[at++] = kind;
    at = writeDecimal(scratch, at, value);
    scratch[at++] = 13;
    scratch[at++] = 10;
    this.put(scratch, 0, at);
  }

  private put(source: Uint8Array, from: number, to: number): void {
    while (from < to) {
      if (this.at === this.block.length) this.addBlock();
      const { block } = this;
      let { at } = this;
      const part = Math.min(to - from, BLOCK_BYTES - at);
      if (part <= LOOP_COPY_BYTES) {
        for (let i = from; i < from + part; i++) block[at++] = source[i]!;
        this.at = at;
      } else {
        block.set(source.subarray(from, from + part), at);
        this.at = at + part;
      }
      from += part;
    }
  }

  private addBlock(): void {
    if (this.blocks.length > this.head) this.blockPosition += BLOCK_BYTES;
    this.at = 0;
    const spare = this.spare.pop();
    this.block = spare === undefined ? new Uint8Array(BLOCK_BYTES) : spare;
    this.blocks.push(this.block);
    this.trim();
    if (this.readers.length > 0) this.enforceLimits();
  }

  private addEntry(position: number, database: number, slot: number): void {
    if (this.nextEntry - this.firstEntry === this.entryCapacity) this.growEntries();
    const index = this.nextEntry % this.entryCapacity;
    this.entryPositions[index] = position;
    this.entryBytes[index] = this.position - position;
    this.entryDatabases[index] = database;
    this.entrySlots[index] = slot;
    this.entryFlags[index] = this.transactionOpen ? IN_TRANSACTION : 0;
    this.nextEntry++;
  }

  private growEntries(): void {
    this.dropReadEntries();
    const capacity = this.entryCapacity;
    if (this.nextEntry - this.firstEntry < capacity) return;
    this.entryPositions = moved(this.entryPositions, new Float64Array(capacity * 2), this.firstEntry, capacity);
    this.entryBytes = moved(this.entryBytes, new Int32Array(capacity * 2), this.firstEntry, capacity);
    this.entryDatabases = moved(this.entryDatabases, new Int32Array(capacity * 2), this.firstEntry, capacity);
    this.entrySlots = moved(this.entrySlots, new Int32Array(capacity * 2), this.firstEntry, capacity);
    this.entryFlags = moved(this.entryFlags, new Uint8Array(capacity * 2), this.firstEntry, capacity);
    this.entryCapacity = capacity * 2;
  }

  private dropReadEntries(): void {
    let first = this.nextEntry;
    for (const reader of this.readers) if (reader.readsCommands && reader.sequence < first) first = reader.sequence;
    this.firstEntry = first;
  }

  // --- Reading -------------------------------------------------------------------------------------------------------

  /** Attaches a reader at the stream's end. Its first command will be preceded by a SELECT in the stream. */
  attachAtEnd(name: string, owner: ReaderOwner, readsCommands: boolean, limitBytes: number): LogReader {
    if (!readsCommands) this.forgetDatabase();
    return this.attach(new LogReader(name, owner, readsCommands, limitBytes, this.position));
  }

  /** Attaches a reader of bytes at a position that `canContinueFrom` agreed to. */
  attachAt(position: number, name: string, owner: ReaderOwner, limitBytes: number): LogReader {
    assert(position >= this.startPosition && position <= this.position, 'the position is in what the log retains');
    return this.attach(new LogReader(name, owner, false, limitBytes, position));
  }

  private attach(reader: LogReader): LogReader {
    if (reader.readsCommands) {
      this.commandReaders++;
      reader.sequence = this.nextEntry;
    }
    this.readers.push(reader);
    this.decideActive();
    return reader;
  }

  detach(reader: LogReader): void {
    if (!reader.attached) return;
    reader.attached = false;
    reader.bytes = NO_BYTES;
    this.readers.splice(this.readers.indexOf(reader), 1);
    if (reader.readsCommands) this.commandReaders--;
    this.decideActive();
    this.trim();
  }

  /** Bytes that the reader has not read. */
  pendingBytes(reader: LogReader): number {
    return this.position - reader.position;
  }

  /** Puts the next contiguous range into the reader's bytes, from, to; false when it has read all. Follow it by `advance`. */
  nextBytes(reader: LogReader): boolean {
    assert(reader.attached, 'a reader that is attached');
    const { position } = reader;
    if (position >= this.position) return false;
    const from = this.locate(position);
    reader.bytes = this.located;
    reader.from = from;
    reader.to = this.located === this.block ? this.at : BLOCK_BYTES;
    return true;
  }

  advance(reader: LogReader, sizeBytes: number): void {
    reader.position += sizeBytes;
    assert(reader.position <= this.position, 'a reader reads what is there');
  }

  /** Moves to the next command; false when there is none. Its bytes may be copied until the reader moves again. */
  nextCommand(reader: LogReader): boolean {
    assert(reader.attached && reader.readsCommands, 'an attached reader of commands');
    if (reader.sequence === this.nextEntry) {
      reader.position = this.position;
      return false;
    }
    const index = reader.sequence % this.entryCapacity;
    reader.commandAt = this.entryPositions[index]!;
    reader.commandBytes = this.entryBytes[index]!;
    reader.database = this.entryDatabases[index]!;
    reader.slot = this.entrySlots[index]!;
    reader.flags = this.entryFlags[index]!;
    reader.position = reader.commandAt;
    reader.sequence++;
    return true;
  }

  /** Copies the command that `nextCommand` moved to. */
  copyCommand(reader: LogReader, target: ByteTarget): void {
    let position = reader.commandAt;
    const end = position + reader.commandBytes;
    while (position < end) {
      const from = this.locate(position);
      const part = Math.min(end - position, BLOCK_BYTES - from);
      target.bytes(this.located, from, from + part);
      position += part;
    }
  }

  /** Drops readers that are more than their limit behind. */
  enforceLimits(): void {
    for (let i = this.readers.length - 1; i >= 0; i--) {
      const reader = this.readers[i]!;
      const behind = this.position - reader.position;
      if (reader.limitBytes > 0 && behind > reader.limitBytes) {
        this.detach(reader);
        reader.owner.logReaderDropped(
          `${reader.name} is ${behind} bytes behind the write log, more than its limit of ${reader.limitBytes}`,
        );
      }
    }
  }

  private located: Uint8Array = NO_BYTES;

  /** Sets `located` to the block of a position and returns the place in it. */
  private locate(position: number): number {
    const back = this.blockPosition - position;
    if (back <= 0) {
      this.located = this.block;
      return -back;
    }
    const blocksBack = Math.ceil(back / BLOCK_BYTES);
    this.located = this.blocks[this.blocks.length - 1 - blocksBack]!;
    return blocksBack * BLOCK_BYTES - back;
  }

  // --- Retention -----------------------------------------------------------------------------------------------------

  /** Keeps the last `sizeBytes` for replicas that come back: from the first replica on. */
  keepBacklog(sizeBytes: number): void {
    this.backlogBytes = sizeBytes;
    this.backlog = true;
    this.decideActive();
    this.trim();
  }

  /**
   * No replica for long: the backlog goes, and with it the history's name. Writes from here on are not logged, so a
   * replica that knows the old name must not be able to continue.
   */
  dropBacklog(newId: string): void {
    this.backlog = false;
    this.id = newId;
    this.previousId = NO_REPLICATION_ID;
    this.previousIdEnd = -1;
    this.decideActive();
    this.trim();
  }

  // --- Histories -----------------------------------------------------------------------------------------------------

  /** Whether a replica that knows `id` up to `position` needs no more than what is retained from there on. */
  canContinueFrom(id: string, position: number): boolean {
    if (!this.backlog && this.readers.length === 0) return false;
    const known = id === this.id || (id === this.previousId && position <= this.previousIdEnd);
    return known && position >= this.startPosition && position <= this.position;
  }

  /** Becomes a replica's log: only `appendRaw` from here on, and a backlog for replicas of ours and for a promotion. */
  beginRelaying(backlogBytes: number): void {
    if (this.transactionOpen) this.endTransaction();
    this.relaying = true;
    this.keepBacklog(backlogBytes);
  }

  /**
   * A full sync took place: the history is another one, at this position. Readers must be gone: what they were reading is.
   */
  adopt(id: string, position: number): void {
    assert(this.readers.length === 0, 'nobody reads a history that is being replaced');
    this.id = id;
    this.previousId = NO_REPLICATION_ID;
    this.previousIdEnd = -1;
    this.blocks.length = 0;
    this.head = 0;
    this.block = NO_BYTES;
    this.at = 0;
    this.blockPosition = position;
    this.startPosition = position;
    this.firstEntry = 0;
    this.nextEntry = 0;
    this.forgetDatabase();
  }

  /**
   * A restart from a dataset that stood at this position of the history `savedId`: it goes on under a new name, and
   * replicas of the old one that were neither ahead nor behind may continue.
   */
  resume(newId: string, savedId: string, position: number, backlogBytes: number): void {
    this.adopt(newId, position);
    this.previousId = savedId;
    this.previousIdEnd = position;
    this.keepBacklog(backlogBytes);
  }

  /** The same history goes on under a new name: a promotion here, or a primary that answers +CONTINUE with a new id. */
  renameHistory(newId: string): void {
    this.previousId = this.id;
    this.previousIdEnd = this.position;
    this.id = newId;
  }

  /** The node is a primary from here on. Its history has a new name, its stream starts with a SELECT. */
  endRelaying(newId: string): void {
    this.relaying = false;
    this.renameHistory(newId);
    this.forgetDatabase();
    this.decideActive();
  }

  private decideActive(): void {
    this.active = !this.relaying && (this.backlog || this.readers.length > 0);
  }

  /** Gives blocks back that neither a reader nor the backlog needs. */
  private trim(): void {
    const { blocks } = this;
    if (blocks.length === this.head) return;
    let needed = this.backlog ? this.position - this.backlogBytes : this.position;
    for (const reader of this.readers) if (reader.position < needed) needed = reader.position;
    let oldest = this.blockPosition - (blocks.length - 1 - this.head) * BLOCK_BYTES;
    while (blocks.length - this.head > 1 && oldest + BLOCK_BYTES <= needed) {
      if (this.spare.length < SPARE_BLOCKS) this.spare.push(blocks[this.head]!);
      blocks[this.head] = NO_BYTES;
      this.head++;
      oldest += BLOCK_BYTES;
    }
    if (this.head > COMPACT_AFTER && this.head * 2 > blocks.length) {
      blocks.copyWithin(0, this.head);
      blocks.length -= this.head;
      this.head = 0;
    }
    if (this.startPosition < oldest) this.startPosition = oldest;
    if (this.commandReaders > 0) this.dropReadEntries();
  }
}

function writeCommand(
  block: Uint8Array,
  at: number,
  input: Uint8Array,
  starts: Int32Array,
  ends: Int32Array,
  argc: number,
): number {
  block[at++] = 42;
  at = writeDecimal(block, at, argc);
  block[at++] = 13;
  block[at++] = 10;
  for (let i = 0; i < argc; i++) {
    const from = starts[i]!;
    const to = ends[i]!;
    block[at++] = 36;
    at = writeDecimal(block, at, to - from);
    block[at++] = 13;
    block[at++] = 10;
    if (to - from <= LOOP_COPY_BYTES) {
      for (let j = from; j < to; j++) block[at++] = input[j]!;
    } else {
      block.set(input.subarray(from, to), at);
      at += to - from;
    }
    block[at++] = 13;
    block[at++] = 10;
  }
  return at;
}

function moved<T extends Float64Array | Int32Array | Uint8Array>(from: T, to: T, first: number, count: number): T {
  for (let i = 0; i < count; i++) to[(first + i) % to.length] = from[(first + i) % from.length]!;
  return to;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
