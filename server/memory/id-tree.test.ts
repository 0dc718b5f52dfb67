import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arena } from './arena.ts';
import { IdTree, TREE_RECORD_WORDS } from './id-tree.ts';
import { StreamId } from './stream-id.ts';

const RECORD_WORD = 1;

function treeOf(payloadWords: number): { arena: Arena; tree: IdTree; owner: number } {
  const arena = new Arena({ checked: true });
  const owner = arena.allocate((RECORD_WORD + TREE_RECORD_WORDS) * 4);
  const words = arena.words[0]!;
  for (let i = 0; i < TREE_RECORD_WORDS; i++) words[owner * 2 + RECORD_WORD + i] = 0;
  return { arena, owner, tree: new IdTree(arena, payloadWords).open(owner, RECORD_WORD) };
}

const idOf = (number: number): StreamId => new StreamId().setNumbers(number, number * 2 ** 33);

test('a map of ids is a sorted map, forwards and backwards, and gives its memory back', () => {
  const step = fc.tuple(fc.constantFrom('add', 'add', 'add', 'remove', 'above', 'below'), fc.nat({ max: 400 }));
  const run = (steps: [string, number][]): void => {
    const { arena, tree, owner } = treeOf(1);
    const live = arena.assertAllLive();
    const model = new Map<number, number>();
    const id = new StreamId();
    for (const [what, number] of steps) {
      tree.open(owner, RECORD_WORD);
      const sorted = [...model.keys()].sort((a, b) => a - b);
      if (what === 'add') {
        if (tree.seek(idOf(number))) expect(tree.payload(0)).toBe(model.get(number));
        else tree.insert(idOf(number));
        tree.setPayload(0, number * 7);
        model.set(number, number * 7);
      } else if (what === 'remove') {
        expect(tree.seek(idOf(number))).toBe(model.delete(number));
        if (sorted.includes(number)) tree.remove();
      } else if (what === 'above') {
        tree.seek(idOf(number));
        const expected = sorted.find((one) => one >= number);
        expect(tree.atEnd ? undefined : tree.readId(id).msLow).toBe(expected);
      } else {
        const expected = sorted.filter((one) => one <= number).at(-1);
        expect(tree.seekAtMost(idOf(number)) ? tree.readId(id).msLow : undefined).toBe(expected);
      }
      expect(tree.count).toBe(model.size);
    }
    const sorted = [...model.keys()].sort((a, b) => a - b);
    const forwards: number[] = [];
    for (let more = tree.first(); more; more = tree.next()) {
      forwards.push(tree.readId(id).msLow);
      expect(tree.payload(0)).toBe(id.msLow * 7);
    }
    expect(forwards).toEqual(sorted);
    const backwards: number[] = [];
    for (let more = tree.last(); more; more = tree.previous()) backwards.push(tree.readId(id).msLow);
    expect(backwards).toEqual(sorted.reverse());
    while (tree.dropFirstLeaf());
    expect(tree.count).toBe(0);
    expect(arena.assertAllLive()).toBe(live);
  };
  fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 900 }), run), { numRuns: 60 });
});

test('ten thousand ids in ascending order fill their leaves, and leave from the front without a trace', () => {
  const { arena, tree, owner } = treeOf(4);
  const live = arena.assertAllLive();
  for (let i = 0; i < 10_000; i++) {
    tree.open(owner, RECORD_WORD).insert(idOf(i));
    for (let word = 0; word < 4; word++) tree.setPayload(word, i + word);
  }
  // 32 bytes an entry, the nodes' headers and the inner nodes above.
  expect(arena.usedBytes / 10_000).toBeLessThan(36);
  for (let i = 0; i < 10_000; i++) {
    expect(tree.open(owner, RECORD_WORD).seek(idOf(i))).toBe(true);
    expect(tree.payload(3)).toBe(i + 3);
    tree.remove();
  }
  expect(tree.first()).toBe(false);
  expect(arena.assertAllLive()).toBe(live);
});

test('ids beyond 2^53 keep their order', () => {
  const { tree } = treeOf(0);
  const texts = ['18446744073709551615-18446744073709551615', '18446744073709551615-0', '9223372036854775808-1', '0-1'];
  for (const text of texts) {
    const id = new StreamId();
    const bytes = new TextEncoder().encode(text);
    id.parse(bytes, 0, bytes.length, true);
    tree.insert(id);
  }
  const found: string[] = [];
  const id = new StreamId();
  const out = new Uint8Array(64);
  for (let more = tree.first(); more; more = tree.next()) {
    found.push(new TextDecoder().decode(out.subarray(0, tree.readId(id).write(out, 0))));
  }
  expect(found).toEqual(texts.reverse());
});
