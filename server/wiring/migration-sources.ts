/**
 * What a slot migration reads: a snapshot of its slots as commands, told in slices between turns, and the writes to them from the log.
 */
import type { SlotSnapshot, SlotSnapshotSource, SlotWriteSource, SlotWrites } from '../cluster/migration/ports.ts';
import type { SlotRange } from '../cluster/slot-map.ts';
import { SLOT_COUNT } from '../keyspace/slot.ts';
import type { Node } from '../node.ts';
import { ChunkWriter } from '../persistence/chunks.ts';
import { CommandWriter } from '../persistence/command-writer.ts';
import { FULL_OUTPUT_BYTES, type Snapshot, type Snapshots } from '../persistence/snapshot.ts';
import type { LogReader, WriteLog } from '../replication/write-log.ts';

/** Work of one slice, in the iterator's units of about a microsecond: other clients wait no longer than this. */
const SLICE_UNITS = 2000;
/** Values kept back for a snapshot beyond this fail the migration. */
const QUEUE_LIMIT_BYTES = 256 * 1024 * 1024;
const NO_DATABASE = -1;

function wantedSlots(ranges: readonly SlotRange[]): Uint8Array {
  const wanted = new Uint8Array(SLOT_COUNT);
  for (const range of ranges) wanted.fill(1, range.start, range.end + 1);
  return wanted;
}

export function slotSnapshots(node: Node): SlotSnapshotSource {
  return {
    begin: (ranges, ready) => new SlicedSnapshot(node.snapshots, wantedSlots(ranges), ready),
  };
}

class SlicedSnapshot implements SlotSnapshot {
  private readonly snapshots: Snapshots;
  private readonly snapshot: Snapshot;
  private readonly writer: CommandWriter = new CommandWriter();
  private readonly ready: () => void;
  private scheduled = false;
  private closed = false;
  private starved = false;

  constructor(snapshots: Snapshots, slots: Uint8Array, ready: () => void) {
    this.snapshots = snapshots;
    this.ready = ready;
    this.snapshot = snapshots.open(this.writer, { slots, queueLimitBytes: QUEUE_LIMIT_BYTES });
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled || this.closed) return;
    this.scheduled = true;
    setImmediate(() => this.slice());
  }

  private slice(): void {
    this.scheduled = false;
    if (this.closed || !this.snapshot.active) return;
    this.snapshots.slice(this.snapshot, SLICE_UNITS);
    if (this.snapshot.active && this.writer.out.queuedBytes < FULL_OUTPUT_BYTES) this.schedule();
    if (!this.starved) return;
    this.starved = false;
    this.ready();
  }

  take(): Uint8Array | null {
    const chunk = this.writer.out.take(this.snapshot.done);
    if (chunk === null) {
      this.starved = !this.snapshot.done;
      if (this.snapshot.active) this.schedule();
      return null;
    }
    const bytes = chunk.bytes.slice(0, chunk.length);
    this.writer.out.release(chunk);
    if (this.snapshot.active) this.schedule();
    return bytes;
  }

  get done(): boolean {
    return this.snapshot.done && this.writer.out.queuedBytes === 0;
  }

  get failure(): string {
    return this.snapshot.failure;
  }

  close(): void {
    this.closed = true;
    this.snapshots.close(this.snapshot);
  }
}

export function slotWrites(node: Node, log: WriteLog): SlotWriteSource {
  return {
    follow: (ranges, limitBytes, ready) => new FilteredWrites(node, log, wantedSlots(ranges), limitBytes, ready),
  };
}

class FilteredWrites implements SlotWrites {
  failure = '';
  private readonly log: WriteLog;
  private readonly reader: LogReader;
  private readonly wanted: Uint8Array;
  private readonly out: ChunkWriter = new ChunkWriter();
  private database = NO_DATABASE;
  private starved = false;
  private readonly node: Node;
  private readonly atTurnEnd: () => void;

  constructor(node: Node, log: WriteLog, wanted: Uint8Array, limitBytes: number, ready: () => void) {
    this.node = node;
    this.log = log;
    this.atTurnEnd = () => {
      if (!this.starved || this.pendingBytes === 0) return;
      this.starved = false;
      ready();
    };
    node.turnEnders.add(this.atTurnEnd);
    this.wanted = wanted;
    this.reader = log.attachAtEnd(
      'slot migration',
      {
        logReaderDropped: (reason) => {
          this.failure = reason;
          ready();
        },
      },
      true,
      limitBytes,
    );
  }

  get pendingBytes(): number {
    return this.reader.attached ? this.log.pendingBytes(this.reader) : 0;
  }

  take(maxBytes: number): Uint8Array | null {
    const { log, reader, out } = this;
    while (reader.attached && out.queuedBytes < maxBytes && log.nextCommand(reader)) {
      if (reader.slot < 0 || this.wanted[reader.slot] !== 1) continue;
      if (reader.database !== this.database) {
        this.database = reader.database;
        out.ascii(`*2\r\n$6\r\nSELECT\r\n$${String(reader.database).length}\r\n${reader.database}\r\n`);
      }
      log.copyCommand(reader, out);
    }
    const chunk = out.take(true);
    if (chunk === null) {
      this.starved = true;
      return null;
    }
    const bytes = chunk.bytes.slice(0, chunk.length);
    out.release(chunk);
    return bytes;
  }

  close(): void {
    this.node.turnEnders.delete(this.atTurnEnd);
    this.log.detach(this.reader);
  }
}
