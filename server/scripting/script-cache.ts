/**
 * The scripts that were seen, by their text and by their SHA1. Hot file: looking one up allocates nothing, and a text that is known
 * is not hashed by SHA1 again. Source: Valkey 9.1 eval.c.
 *
 * Limit: scripts that only EVAL brought are dropped beyond MAX_EVAL_SCRIPTS, the longest unused first.
 */
import { Sha1 } from '../persistence/sha1.ts';
import { hex } from './library-server.ts';
import { MAX_EVAL_SCRIPTS } from './limits.ts';

export class Script {
  readonly sha: string;
  readonly shaBytes: Uint8Array;
  readonly body: Uint8Array;
  readonly flags: number;
  /** The compiled function's reference, valid in the environment of this generation. */
  reference: number;
  generation: number;
  /** Brought by SCRIPT LOAD: stays. */
  loaded: boolean;
  /** When it ran last, in runs. */
  usedAt = 0;
  readonly bodyHash: number;
  /** The next script in the same place of the index of bodies, and of digests. */
  nextByBody: Script | null = null;
  nextBySha: Script | null = null;

  constructor(sha: string, body: Uint8Array, bodyHash: number, flags: number, reference: number, generation: number) {
    this.sha = sha;
    this.shaBytes = Uint8Array.from(sha, (character) => character.charCodeAt(0));
    this.body = body;
    this.bodyHash = bodyHash;
    this.flags = flags;
    this.reference = reference;
    this.generation = generation;
    this.loaded = false;
  }
}

const SHA_DIGITS = 40;

export class ScriptCache {
  private readonly byBody: Map<number, Script> = new Map();
  private readonly bySha: Map<number, Script> = new Map();
  private readonly sha1 = new Sha1();
  private readonly digest = new Uint8Array(20);
  private uses = 0;
  count = 0;
  /** Scripts that only EVAL brought. */
  private evalCount = 0;
  bodyBytes = 0;
  evicted = 0;

  /** The script with this text, or null. */
  findBody(bytes: Uint8Array, from: number, to: number): Script | null {
    let script = this.byBody.get(hashOf(bytes, from, to)) ?? null;
    while (script !== null && !equals(script.body, bytes, from, to)) script = script.nextByBody;
    return script;
  }

  /** The script with this SHA1 in hexadecimal digits of any case, or null. */
  findSha(bytes: Uint8Array, from: number, to: number): Script | null {
    if (to - from !== SHA_DIGITS) return null;
    let script = this.bySha.get(hashOfDigits(bytes, from)) ?? null;
    while (script !== null && !equalsDigits(script.shaBytes, bytes, from)) script = script.nextBySha;
    return script;
  }

  shaOf(bytes: Uint8Array, from: number, to: number): string {
    this.sha1.digest(bytes, from, to, this.digest, 0);
    return hex(this.digest);
  }

  /** Keeps a script; returns the one that had to go for it, or null. */
  add(bytes: Uint8Array, from: number, to: number, flags: number, reference: number, generation: number): Script {
    const body = bytes.slice(from, to);
    const script = new Script(
      this.shaOf(body, 0, body.length),
      body,
      hashOf(body, 0, body.length),
      flags,
      reference,
      generation,
    );
    script.nextByBody = this.byBody.get(script.bodyHash) ?? null;
    this.byBody.set(script.bodyHash, script);
    const place = hashOfDigits(script.shaBytes, 0);
    script.nextBySha = this.bySha.get(place) ?? null;
    this.bySha.set(place, script);
    this.count++;
    this.evalCount++;
    this.bodyBytes += body.length + SHA_DIGITS;
    this.used(script);
    return script;
  }

  /** SCRIPT LOAD: the script stays from now on. */
  keep(script: Script): void {
    if (script.loaded) return;
    script.loaded = true;
    this.evalCount--;
  }

  used(script: Script): void {
    script.usedAt = ++this.uses;
  }

  /** Too many came by EVAL: takes the longest unused out, which is returned; null while there are few enough. */
  takeSurplus(): Script | null {
    if (this.evalCount <= MAX_EVAL_SCRIPTS) return null;
    let oldest: Script | null = null;
    for (const first of this.byBody.values()) {
      for (let script: Script | null = first; script !== null; script = script.nextByBody) {
        if (!script.loaded && (oldest === null || script.usedAt < oldest.usedAt)) oldest = script;
      }
    }
    this.remove(oldest!);
    this.evicted++;
    return oldest;
  }

  private remove(script: Script): void {
    unlink(this.byBody, script.bodyHash, script, 'nextByBody');
    unlink(this.bySha, hashOfDigits(script.shaBytes, 0), script, 'nextBySha');
    this.count--;
    if (!script.loaded) this.evalCount--;
    this.bodyBytes -= script.body.length + SHA_DIGITS;
  }

  clear(): void {
    this.byBody.clear();
    this.bySha.clear();
    this.count = 0;
    this.evalCount = 0;
    this.bodyBytes = 0;
  }
}

function unlink(index: Map<number, Script>, place: number, script: Script, next: 'nextByBody' | 'nextBySha'): void {
  const first = index.get(place)!;
  if (first === script) {
    const following = script[next];
    if (following === null) index.delete(place);
    else index.set(place, following);
    return;
  }
  let before = first;
  while (before[next] !== script) before = before[next]!;
  before[next] = script[next];
}

/** Small enough for a small integer of V8: such keys of a Map allocate nothing. */
const HASH_MASK = 0x3fffffff;

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5 ^ (to - from);
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return (hash ^ (hash >>> 15)) & HASH_MASK;
}

function hashOfDigits(bytes: Uint8Array, from: number): number {
  let hash = 0;
  for (let i = from; i < from + 8; i++) hash = (Math.imul(hash, 31) + (bytes[i]! | 32)) | 0;
  return hash & HASH_MASK;
}

function equals(body: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (body.length !== to - from) return false;
  for (let i = 0; i < body.length; i++) if (body[i] !== bytes[from + i]) return false;
  return true;
}

function equalsDigits(digits: Uint8Array, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < SHA_DIGITS; i++) {
    let byte = bytes[from + i]!;
    if (byte >= 65 && byte <= 90) byte |= 32;
    if (byte !== digits[i]) return false;
  }
  return true;
}
