/**
 * Up to which sizes collections are packed: one object a node, read at every change, so that CONFIG SET acts at once.
 * Source: Valkey 9.1 valkey.conf, "advanced config".
 */
import type { Settings } from '../config/settings.ts';

export interface CollectionLimits {
  hashEntries: number;
  hashValueBytes: number;
  /** A set of integers of at most so many members answers OBJECT ENCODING with `intset`. */
  setIntegers: number;
  setEntries: number;
  setValueBytes: number;
  zsetEntries: number;
  zsetValueBytes: number;
  /** Above 0: items a node; -1 to -5: 4, 8, 16, 32, 64 KiB a node. */
  listNodeSize: number;
  /** Of a stream's node: bytes as Valkey's listpack and entries; 0 is no limit. */
  streamNodeBytes: number;
  streamNodeEntries: number;
}

export function defaultLimits(): CollectionLimits {
  return {
    hashEntries: 512,
    hashValueBytes: 64,
    setIntegers: 512,
    setEntries: 128,
    setValueBytes: 64,
    zsetEntries: 128,
    zsetValueBytes: 64,
    listNodeSize: -2,
    streamNodeBytes: 4096,
    streamNodeEntries: 100,
  };
}

/** Which directive gives which limit. */
const DIRECTIVES: readonly (readonly [string, keyof CollectionLimits])[] = [
  ['hash-max-listpack-entries', 'hashEntries'],
  ['hash-max-listpack-value', 'hashValueBytes'],
  ['set-max-intset-entries', 'setIntegers'],
  ['set-max-listpack-entries', 'setEntries'],
  ['set-max-listpack-value', 'setValueBytes'],
  ['zset-max-listpack-entries', 'zsetEntries'],
  ['zset-max-listpack-value', 'zsetValueBytes'],
  ['list-max-listpack-size', 'listNodeSize'],
  ['stream-node-max-bytes', 'streamNodeBytes'],
  ['stream-node-max-entries', 'streamNodeEntries'],
];

/** Limits that follow the settings. */
export function limitsFrom(settings: Settings): CollectionLimits {
  const limits = defaultLimits();
  for (const [directive, limit] of DIRECTIVES) {
    settings.watch(directive, (value) => {
      limits[limit] = Number(value);
    });
  }
  return limits;
}

/** Bytes of a list node, its header included, under a size limit below 0; a limit by items keeps to 8 KiB as well. */
export function listNodeBytes(listNodeSize: number): number {
  return listNodeSize >= 0 ? 8192 : 4096 << Math.min(4, -listNodeSize - 1);
}
