import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nameOf, scripted } from './scripted.ts';
import { CLOSED, describeRange, IMPORTING, MIGRATING, NOBODY, rangesOf, testBit } from './slot-map.ts';

test('a slot has one owner, and the owner its bit and its count', () => {
  const { cluster, know } = scripted();
  const other = know(nameOf('b'));
  const { state } = cluster;
  expect(state.slots.ownerOf(5)).toBe(NOBODY);
  state.moveSlot(5, state.myself);
  expect(state.slots.myselfOwns(5)).toBe(true);
  state.moveSlot(5, other);
  expect(state.slots.myselfOwns(5)).toBe(false);
  expect(state.ownerOf(5)).toBe(other);
  expect([state.myself.slotCount, other.slotCount]).toEqual([0, 1]);
  expect(testBit(other.slots, 5)).toBe(true);
  state.moveSlot(5, null);
  expect(state.ownerOf(5)).toBeNull();
});

test('a removed node leaves no slot, no open slot and no replica behind', () => {
  const { cluster, know } = scripted();
  const other = know(nameOf('b'), { slots: [0, 9] });
  const replica = know(nameOf('c'), { replicaOf: other });
  const { state } = cluster;
  state.slots.setImporting(3, other);
  state.slots.setMigrating(20, other);
  state.removeNode(other);
  expect(state.ownerOf(3)).toBeNull();
  expect(state.slots.openSlots()).toEqual([]);
  expect(replica.replicaOf).toBeNull();
  expect(know(nameOf('d')).index).toBe(1);
});

test('an open slot is migrating before it is importing', () => {
  const { cluster, know } = scripted();
  const other = know(nameOf('b'));
  const { slots } = cluster.state;
  expect(slots.openState(7)).toBe(CLOSED);
  slots.setImporting(7, other);
  expect(slots.openState(7)).toBe(IMPORTING);
  slots.setMigrating(7, other);
  expect(slots.openState(7)).toBe(MIGRATING);
  slots.setMigrating(7, null);
  expect(slots.openState(7)).toBe(IMPORTING);
  slots.closeAll();
  expect(slots.openState(7)).toBe(CLOSED);
});

test('a bitmap reads as ranges and back', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(16383), { maxLength: 200 }), (slots) => {
      const bitmap = new Uint8Array(2048);
      for (const slot of slots) bitmap[slot >> 3]! |= 1 << (slot & 7);
      const read = rangesOf(bitmap).flatMap(({ start, end }) =>
        Array.from({ length: end - start + 1 }, (_, i) => start + i),
      );
      expect(read).toEqual(slots.toSorted((a, b) => a - b));
    }),
  );
  expect(
    [
      { start: 3, end: 3 },
      { start: 5, end: 9 },
    ].map(describeRange),
  ).toEqual(['3', '5-9']);
});
