/**
 * What a cluster on processes leaves on disk, so that the next reconciler finds it: one directory per cluster name.
 *
 *   desired.json                the resource as last accepted, with uid and generation
 *   status.json                 its status as last published
 *   front.json                  who owns the directory: pid and start time of the front
 *   shards/<index>/shard.json   a shard's workload
 *   shards/<index>/<ordinal>/   a node's own directory: node.json (pid, start time, port), valkey.conf, nodes.conf, dump.rdb, node.log
 *
 * Files are replaced whole, by rename: a reader never sees half of one, and a writer that dies leaves the old one.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { ShardWorkload } from '../../model/workload.ts';
import type { ProcessId } from './processes.ts';

export interface ShardRecord {
  readonly uid: string;
  readonly workload: ShardWorkload;
  readonly nodes: number;
  readonly deleting: boolean;
}

export interface NodeRecord {
  readonly name: string;
  readonly port: number;
  /** Null before the first start. */
  readonly process: ProcessId | null;
  readonly startedAtMs: number;
  /** Told to stop for good: when its process has ended the directory goes. */
  readonly leaving: boolean;
}

/** Where the clusters of this user on this machine keep their state: in the system's directory for temporary files. */
export function stateRoot(): string {
  return join(tmpdir(), `keyherd-${userInfo().uid}`);
}

export class StateDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get shardsPath(): string {
    return join(this.path, 'shards');
  }

  shardPath(index: number): string {
    return join(this.shardsPath, String(index));
  }

  nodePath(index: number, ordinal: number): string {
    return join(this.shardPath(index), String(ordinal));
  }

  /** The file's value, or null when it is not there. */
  read<T>(...segments: string[]): T | null {
    try {
      return JSON.parse(readFileSync(join(this.path, ...segments), 'utf8')) as T;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  write(value: unknown, ...segments: string[]): void {
    const file = join(this.path, ...segments);
    mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
    const fresh = `${file}.new`;
    writeFileSync(fresh, `${JSON.stringify(value, null, 1)}\n`, { mode: 0o600 });
    renameSync(fresh, file);
  }

  readShard(index: number): ShardRecord | null {
    return this.read('shards', String(index), 'shard.json');
  }

  writeShard(index: number, record: ShardRecord): void {
    this.write(record, 'shards', String(index), 'shard.json');
  }

  readNode(index: number, ordinal: number): NodeRecord | null {
    return this.read('shards', String(index), String(ordinal), 'node.json');
  }

  writeNode(index: number, ordinal: number, record: NodeRecord): void {
    this.write(record, 'shards', String(index), String(ordinal), 'node.json');
  }

  shardIndices(): number[] {
    return numbersIn(this.shardsPath);
  }

  ordinals(index: number): number[] {
    return numbersIn(this.shardPath(index));
  }

  /** Every node on record, in the order of shards and ordinals. */
  allNodes(): { shardIndex: number; ordinal: number; record: NodeRecord }[] {
    return this.shardIndices().flatMap((shardIndex) =>
      this.ordinals(shardIndex).flatMap((ordinal) => {
        const record = this.readNode(shardIndex, ordinal);
        return record === null ? [] : [{ shardIndex, ordinal, record }];
      }),
    );
  }

  removeNode(index: number, ordinal: number): void {
    rmSync(this.nodePath(index, ordinal), { recursive: true, force: true });
  }

  removeShard(index: number): void {
    rmSync(this.shardPath(index), { recursive: true, force: true });
  }

  /** The directory, and the root above it when no other cluster is left there. */
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    try {
      const root = join(this.path, '..');
      if (readdirSync(root).length === 0) rmSync(root, { recursive: true });
    } catch {
      // Another cluster was just begun there, or the root is gone already: both are well.
    }
  }
}

function numbersIn(path: string): number[] {
  try {
    return readdirSync(path)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
