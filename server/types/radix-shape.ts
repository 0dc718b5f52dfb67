/**
 * How many nodes a radix tree of ids would have: XINFO STREAM tells it, of the tree that Valkey keeps a stream's nodes in.
 * Every id is sixteen bytes. A run of bytes that all ids below share is one node, a place where they part another, an end a third.
 * Source: Valkey 9.1 rax.c.
 */
import type { IdTree } from '../memory/id-tree.ts';
import { StreamId } from '../memory/stream-id.ts';

const ID_BYTES = 16;
/** Above the root: where the first run begins. */
const ABOVE = -1;

export function radixNodes(ids: IdTree): number {
  if (ids.count === 0) return 1;
  const bytes = new Uint8Array(ID_BYTES);
  const before = new Uint8Array(ID_BYTES);
  const id = new StreamId();
  // Places where ids part, by the number of bytes before them, from the root to the id at hand.
  const parts: number[] = [];
  let nodes = 0;
  const below = (parent: number, depth: number): number => (depth > parent + 1 ? 2 : 1);
  /** The id at hand ends below the deepest place where it parts from another; `shared` bytes are those of the next one. */
  const close = (shared: number): void => {
    const deepest = Math.max(shared, parts.at(-1) ?? ABOVE);
    nodes += below(deepest, ID_BYTES);
    while (parts.length > 0 && parts.at(-1)! > shared) {
      const depth = parts.pop()!;
      nodes += below(Math.max(shared, parts.at(-1) ?? ABOVE), depth);
    }
    if (shared >= 0 && parts.at(-1) !== shared) parts.push(shared);
  };
  for (let more = ids.first(), first = true; more; more = ids.next(), first = false) {
    ids.readId(id).storeBytes(bytes, 0);
    if (!first) {
      let shared = 0;
      while (bytes[shared] === before[shared]) shared++;
      close(shared);
    }
    before.set(bytes);
  }
  close(ABOVE);
  return nodes;
}
