/**
 * The keys of one request and how the command treats each: the table of key specs applied to arguments. Nothing is allocated per request
 * once the arrays have grown. Source: Valkey 9.1 db.c getKeysFromCommandWithSpecs and the get-keys functions of single commands.
 */
import type { Arguments } from '../protocol/arguments.ts';
import { parseInteger } from '../protocol/numbers.ts';
import {
  KEY_ACCESS,
  KEY_DELETE,
  KEY_INCOMPLETE,
  KEY_NOT_KEY,
  KEY_OW,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  KEY_VARIABLE_FLAGS,
  type KeySpecification,
} from './key-specs.ts';
import type { CommandEntry } from './registry.ts';

const INITIAL_KEYS = 64;

export class KeyReferences {
  /** keys [0, count): argument indexes, and KEY_ flags. */
  count = 0;
  indexes: Int32Array = new Int32Array(INITIAL_KEYS);
  flags: Int32Array = new Int32Array(INITIAL_KEYS);

  /** Finds the keys of a request. None when its syntax is wrong: the command itself will say so. */
  read(entry: CommandEntry, args: Arguments): this {
    this.count = 0;
    for (const spec of entry.keySpecs) {
      if ((spec.flags & KEY_VARIABLE_FLAGS) !== 0 || !this.readSpec(spec, args)) {
        this.count = 0;
        EXACT[entry.fullName]?.(this, args);
        return this;
      }
    }
    return this;
  }

  add(index: number, flags: number): void {
    if (this.count === this.indexes.length) {
      const indexes = new Int32Array(this.count * 2);
      indexes.set(this.indexes);
      this.indexes = indexes;
      const more = new Int32Array(this.count * 2);
      more.set(this.flags);
      this.flags = more;
    }
    this.indexes[this.count] = index;
    this.flags[this.count] = flags;
    this.count++;
  }

  /** False when the spec does not fit the arguments, or says itself that it does not tell all. */
  private readSpec(spec: KeySpecification, args: Arguments): boolean {
    if ((spec.flags & KEY_NOT_KEY) !== 0) return true;
    const { begin, find } = spec;
    if (begin.type === 'unknown') return false;
    let first = 0;
    if (begin.type === 'index') first = begin.index;
    else first = afterKeyword(args, begin.keyword, begin.startFrom);
    if (first === 0) return true;
    let last = 0;
    if (find.type === 'range') {
      if (find.lastKey >= 0) last = first + find.lastKey;
      else if (find.limit === 0) last = args.count + find.lastKey;
      else last = first + Math.trunc((args.count - first) / find.limit) + find.lastKey;
    } else if (find.type === 'keynum') {
      const at = first + find.countIndex;
      if (at >= args.count) return false;
      const count = parseInteger(args.bytes, args.starts[at]!, args.ends[at]!);
      if (!(count >= 0)) return false;
      first += find.firstKey;
      last = first + (count - 1) * find.step;
    } else return false;
    if (last >= args.count || last < first || first >= args.count) return false;
    for (let index = first; index <= last; index += find.step) this.add(index, spec.flags);
    return (spec.flags & KEY_INCOMPLETE) === 0;
  }
}

/** The argument after the keyword; 0 when it is not there. */
function afterKeyword(args: Arguments, keyword: string, startFrom: number): number {
  if (startFrom > 0) {
    for (let i = startFrom; i < args.count - 1; i++) if (isWord(args, i, keyword)) return i + 1;
    return 0;
  }
  for (let i = args.count + startFrom; i > 1; i--) if (isWord(args, i, keyword)) return i + 1;
  return 0;
}

/** `word` is upper case. */
function isWord(args: Arguments, index: number, word: string): boolean {
  const start = args.starts[index]!;
  if (args.ends[index]! - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    let byte = args.bytes[start + i]!;
    if (byte >= 97 && byte <= 122) byte -= 32;
    if (byte !== word.charCodeAt(i)) return false;
  }
  return true;
}

type Exact = (found: KeyReferences, args: Arguments) => void;

/** Commands whose specs cannot tell: their flags depend on the arguments, or keys stand behind options. */
const EXACT: Readonly<Record<string, Exact>> = {
  set(found, args) {
    for (let i = 3; i < args.count; i++) {
      if (!isWord(args, i, 'GET')) continue;
      found.add(1, KEY_RW | KEY_ACCESS | KEY_UPDATE);
      return;
    }
    found.add(1, KEY_OW | KEY_UPDATE);
  },
  bitfield(found, args) {
    let reads = true;
    for (let i = 2; i < args.count && reads; i++) {
      const rest = args.count - i - 1;
      if (isWord(args, i, 'GET') && rest >= 2) i += 2;
      else if (isWord(args, i, 'OVERFLOW') && rest >= 1) i += 1;
      else reads = false;
    }
    found.add(1, reads ? KEY_RO | KEY_ACCESS : KEY_RW | KEY_ACCESS | KEY_UPDATE);
  },
  sort_ro: (found) => found.add(1, KEY_RO | KEY_ACCESS),
  sort(found, args) {
    found.add(1, KEY_RO | KEY_ACCESS);
    let store = 0;
    for (let i = 2; i < args.count; i++) {
      if (isWord(args, i, 'LIMIT')) i += 2;
      else if (isWord(args, i, 'GET') || isWord(args, i, 'BY')) i += 1;
      else if (isWord(args, i, 'STORE') && i + 1 < args.count) store = i + 1;
    }
    if (store > 0) found.add(store, KEY_OW | KEY_UPDATE);
  },
  migrate(found, args) {
    let first = 3;
    let end = 4;
    for (let i = 6; i < args.count; i++) {
      if (isWord(args, i, 'KEYS')) {
        // With a key given as well it is a syntax error.
        const given = args.ends[3]! > args.starts[3]!;
        first = i + 1;
        end = given ? first : args.count;
        break;
      }
      if (isWord(args, i, 'AUTH')) i += 1;
      else if (isWord(args, i, 'AUTH2')) i += 2;
    }
    for (let i = first; i < end; i++) found.add(i, KEY_RW | KEY_ACCESS | KEY_DELETE);
  },
  georadius: keysOfRadius,
  georadiusbymember: keysOfRadius,
};

/** The last STORE or STOREDIST counts. */
function keysOfRadius(found: KeyReferences, args: Arguments): void {
  found.add(1, KEY_RO | KEY_ACCESS);
  let store = 0;
  for (let i = 5; i < args.count - 1; i++) if (isWord(args, i, 'STORE') || isWord(args, i, 'STOREDIST')) store = ++i;
  if (store > 0) found.add(store, KEY_OW | KEY_UPDATE);
}
