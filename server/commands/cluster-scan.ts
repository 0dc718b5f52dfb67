/**
 * CLUSTERSCAN: SCAN over the keys of a whole cluster, by one cursor that leads its client from node to node.
 * Source: Valkey 9.1 cluster.c clusterscanCommand; the tags are those of its table of slots.
 *
 * A cursor is `<fingerprint>-{<tag>}-<place>`: the tag is in the slot where the scan goes on, so that routing by it finds the owner;
 * the place is a hash prefix in that slot, and counts at a node whose fingerprint (of its hash seed) is the cursor's. Elsewhere the slot
 * is begun anew. `0` begins and ends.
 */
import { REQUEST_READONLY, ROUTE_OK } from '../cluster/routing.ts';
import { SLOT_COUNT, slotOf } from '../keyspace/slot.ts';
import type { Call } from './call.ts';
import { clusterOf } from './cluster-room.ts';
import { type Command, ONE_KEY, READONLY } from './command.ts';
import { replyKeys, type ScanPlace, scanKeys, scanOptions } from './keys-scan.ts';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const MAX_TAG_LENGTH = 3;
/** The place of a cursor that begins a slot counts everywhere. */
const ANY_FINGERPRINT = '0';
const FINGERPRINT_LENGTH = 6;
const CURSOR = /^([0-9A-Za-z]+)-(\{[0-9A-Za-z]+\})-(\d{1,10})$/;

/** By slot: the first of the shortest words of the alphabet that is in it. */
class SlotTags {
  private readonly tags: (string | undefined)[] = [];

  of(slot: number): string {
    if (this.tags.length === 0) this.fill();
    return this.tags[slot]!;
  }

  private fill(): void {
    let words = [''];
    for (let length = 1; length <= MAX_TAG_LENGTH; length++) {
      words = words.flatMap((word) => [...ALPHABET].map((letter) => word + letter));
      for (const word of words) {
        const bytes = Uint8Array.from(word, (letter) => letter.charCodeAt(0));
        const slot = slotOf(bytes, 0, bytes.length);
        this.tags[slot] ??= word;
      }
    }
  }
}

/** Six letters that tell hash seeds apart, without telling the seed. */
function fingerprintOf([first, second]: readonly [number, number]): string {
  let mixed = BigInt.asUintN(64, (BigInt(first >>> 0) << 32n) | BigInt(second >>> 0));
  // SplitMix64's finisher: it can be undone, so the low bits are dropped afterwards.
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
  let rest = Number((mixed ^ (mixed >> 31n)) >> 28n);
  let text = '';
  for (let i = 0; i < FINGERPRINT_LENGTH; i++) {
    text += ALPHABET[rest % ALPHABET.length];
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}

function clusterscan(tags: SlotTags, call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const options = scanOptions(call, true);
  if (options === null) return;
  const cursor = call.text(1);
  if (cursor === '0') {
    reply(call, `${ANY_FINGERPRINT}-{${tags.of(Math.max(0, options.slot))}}-0`, []);
    return;
  }
  const fingerprint = fingerprintOf(call.keyspace.seed);
  const place = placeOf(cursor, fingerprint);
  if (place === null) {
    call.fail('ERR Invalid cursor');
    return;
  }
  if (options.slot >= 0 && place.slot !== options.slot) {
    call.fail('ERR Cursor slot mismatch with SLOT argument');
    return;
  }
  const { router } = room.cluster;
  const isServed = (slot: number): boolean =>
    router.route(slot, call.client.readOnly ? REQUEST_READONLY : 0) === ROUTE_OK;
  /** A slot beyond all stops the scan; `elsewhere` is where it goes on. */
  let elsewhere = -1;
  const found = scanKeys(call, place, options, (slot) => {
    if (options.slot >= 0) return SLOT_COUNT;
    for (let next = slot + 1; next < SLOT_COUNT; next++) {
      if (!isServed(next)) {
        elsewhere = next;
        return SLOT_COUNT;
      }
      if (call.database.countInSlot(next) > 0) return next;
    }
    return SLOT_COUNT;
  });
  if (found.slot < SLOT_COUNT) reply(call, `${fingerprint}-{${tags.of(found.slot)}}-${found.prefix}`, found.keys);
  else if (elsewhere >= 0) reply(call, `${ANY_FINGERPRINT}-{${tags.of(elsewhere)}}-0`, found.keys);
  else reply(call, '0', found.keys);
}

/** Where a cursor stands at this node; null when it is none. */
function placeOf(cursor: string, fingerprint: string): ScanPlace | null {
  const parts = CURSOR.exec(cursor);
  if (parts === null || Number(parts[3]) >= 2 ** 32) return null;
  const tag = Uint8Array.from(parts[2]!, (letter) => letter.charCodeAt(0));
  const isOurs = parts[1] === fingerprint;
  if (!isOurs && parts[1] !== ANY_FINGERPRINT && parts[1]!.length !== FINGERPRINT_LENGTH) return null;
  return { slot: slotOf(tag, 0, tag.length), prefix: isOurs ? Number(parts[3]) : 0 };
}

function reply(call: Call, cursor: string, keys: readonly Uint8Array[]): void {
  call.reply.array(2);
  call.reply.bulkText(cursor);
  replyKeys(call, keys);
}

export function clusterScanCommands(): readonly Command[] {
  const tags = new SlotTags();
  return [
    {
      name: 'clusterscan',
      arity: -2,
      group: 'cluster',
      since: '9.1.0',
      flags: READONLY,
      keys: ONE_KEY,
      summary: 'Iterates over the keys in the cluster.',
      run: (call) => clusterscan(tags, call),
    },
  ];
}
