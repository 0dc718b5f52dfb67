/**
 * The model of slot migration's ports: a write is a command `SET id slot`, a snapshot a few of them at a time.
 */
import { covers } from '../cluster/migration/job.ts';
import { command, parseCommand } from '../cluster/migration/messages.ts';
import type { SlotSnapshot, SlotWrites, SourceLink } from '../cluster/migration/ports.ts';
import type { SlotRange } from '../cluster/slot-map.ts';
import type { Connection } from './network.ts';

const COMMANDS_A_PIECE = 5;

interface ModelWrite {
  readonly id: number;
  readonly slot: number;
}

function encode(writes: readonly ModelWrite[]): Uint8Array {
  const pieces = writes.map(({ id, slot }) => command(['SET', `${id}`, `${slot}`]));
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

export class Snapshot implements SlotSnapshot {
  readonly failure = '';
  private left: readonly ModelWrite[];

  constructor(writes: readonly ModelWrite[]) {
    this.left = writes;
  }

  get done(): boolean {
    return this.left.length === 0;
  }

  take(): Uint8Array | null {
    if (this.done) return null;
    const piece = this.left.slice(0, COMMANDS_A_PIECE);
    this.left = this.left.slice(COMMANDS_A_PIECE);
    return encode(piece);
  }

  close(): void {
    this.left = [];
  }
}

export class Follower implements SlotWrites {
  readonly failure = '';
  private readonly ranges: readonly SlotRange[];
  private readonly ready: () => void;
  private readonly onClose: () => void;
  private pending: ModelWrite[] = [];

  constructor(ranges: readonly SlotRange[], ready: () => void, onClose: () => void) {
    this.ranges = ranges;
    this.ready = ready;
    this.onClose = onClose;
  }

  written(id: number, slot: number): void {
    if (!covers(this.ranges, slot)) return;
    this.pending.push({ id, slot });
    this.ready();
  }

  get pendingBytes(): number {
    return encode(this.pending).length;
  }

  take(): Uint8Array | null {
    return this.pending.length === 0 ? null : encode(this.pending.splice(0));
  }

  close(): void {
    this.onClose();
  }
}

/** The source's connection on its target. */
export class ModelSource implements SourceLink {
  isSource = false;
  lastInteractionMs = 0;
  readonly failedCommands = 0;
  private readonly connection: Connection;
  private received: Uint8Array = new Uint8Array(0);
  private closed = false;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  take(bytes: Uint8Array, run: (words: readonly string[]) => void): void {
    this.isSource = true;
    const joined = new Uint8Array(this.received.length + bytes.length);
    joined.set(this.received);
    joined.set(bytes, this.received.length);
    this.received = joined;
    for (let next = parseCommand(this.received); next !== null && !this.closed; next = parseCommand(this.received)) {
      this.received = this.received.slice(next.length);
      run(next.words);
    }
  }

  send(bytes: Uint8Array): void {
    this.connection.send(bytes);
  }

  close(): void {
    this.closed = true;
    this.connection.close();
  }
}
