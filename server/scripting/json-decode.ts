/** Lua values out of JSON: cjson.decode. Source: lua-cjson 2.1.0 as Valkey 9.1 carries it (deps/lua/src/lua_cjson.c). */
import { readDouble } from './c-numbers.ts';
import { MAX_NESTING } from './json-encode.ts';
import type { JsonSettings } from './library-cjson.ts';
import type { LuaState, Pointer } from './lua-api.ts';
import type { LuaMachine } from './machine.ts';

const OBJECT_BEGIN = 'T_OBJ_BEGIN';
const OBJECT_END = 'T_OBJ_END';
const ARRAY_BEGIN = 'T_ARR_BEGIN';
const ARRAY_END = 'T_ARR_END';
const STRING = 'T_STRING';
const NUMBER = 'T_NUMBER';
const BOOLEAN = 'T_BOOLEAN';
const NULL = 'T_NULL';
const COLON = 'T_COLON';
const COMMA = 'T_COMMA';
const END = 'T_END';
const ERROR = 'T_ERROR';
const INVALID_NUMBER = 'invalid number';
const INVALID_TOKEN = 'invalid token';

type Token =
  | typeof OBJECT_BEGIN
  | typeof OBJECT_END
  | typeof ARRAY_BEGIN
  | typeof ARRAY_END
  | typeof STRING
  | typeof NUMBER
  | typeof BOOLEAN
  | typeof NULL
  | typeof COLON
  | typeof COMMA
  | typeof END
  | typeof ERROR;

const PUNCTUATION: Readonly<Record<number, Token>> = {
  123: OBJECT_BEGIN,
  125: OBJECT_END,
  91: ARRAY_BEGIN,
  93: ARRAY_END,
  44: COMMA,
  58: COLON,
  0: END,
};
/** Characters that begin what has to be looked at: `f i I n N t " + -` and digits. */
const STARTERS = 'fiInNt"+-0123456789';
const ESCAPED: Readonly<Record<number, number>> = { 34: 34, 92: 92, 47: 47, 98: 8, 116: 9, 110: 10, 102: 12, 114: 13 };
/** Digits of a number that a double holds exactly. */
const MAX_PLAIN_DIGITS = 15;

export class JsonDecoder {
  private readonly machine: LuaMachine;
  private settings: JsonSettings;
  /** A copy of the text with a zero behind it: the machine's memory may move while values are made. */
  private text: Uint8Array = new Uint8Array(1);
  private at = 0;
  private depth = 0;

  /** Of the token that was read: where it began, and its value. */
  private tokenAt = 0;
  private number = 0;
  private problem = '';
  /** A string's bytes: in the text where it has no escapes, else in `unescaped`. */
  private stringFrom = 0;
  private stringTo = 0;
  private isEscaped = false;
  private unescaped: Uint8Array = new Uint8Array(64);
  /** Where the text lies in the machine: the argument on the stack holds it there. */
  private source: Pointer = 0;

  constructor(machine: LuaMachine, settings: JsonSettings) {
    this.machine = machine;
    this.settings = settings;
  }

  /** Pushes the value of the text in argument 1. */
  decode(state: LuaState, settings: JsonSettings): void {
    const { machine } = this;
    this.settings = settings;
    this.source = machine.checkBytes(state, 1);
    const { length } = machine;
    this.text = new Uint8Array(length + 1);
    this.text.set(machine.u8.subarray(this.source, this.source + length));
    this.at = 0;
    this.depth = 0;
    if (length >= 2 && (this.text[0] === 0 || this.text[1] === 0)) {
      machine.raise(state, 'JSON parser does not support UTF-16 or UTF-32');
    }
    this.value(state, this.token());
    const last = this.token();
    if (last !== END) this.fail(state, 'the end', last);
    this.text = new Uint8Array(1);
  }

  private fail(state: LuaState, expected: string, token: Token): never {
    const found = token === ERROR ? this.problem : token;
    return this.machine.raise(state, `Expected ${expected} but found ${found} at character ${this.tokenAt + 1}`);
  }

  // --- Tokens --------------------------------------------------------------------------------------------------------

  private error(problem: string): Token {
    this.problem = problem;
    this.tokenAt = this.at;
    return ERROR;
  }

  private token(): Token {
    const { text } = this;
    let byte = text[this.at]!;
    while (byte === 32 || byte === 10 || byte === 13 || byte === 9) byte = text[++this.at]!;
    this.tokenAt = this.at;
    if (byte === 34) return this.string();
    const punctuation = PUNCTUATION[byte];
    if (punctuation !== undefined) {
      if (punctuation !== END) this.at++;
      return punctuation;
    }
    if (!STARTERS.includes(String.fromCharCode(byte))) return this.error(INVALID_TOKEN);
    if (byte === 45 || (byte >= 48 && byte <= 57)) {
      if (!this.settings.decodeInvalidNumbers && this.isInvalidNumber()) return this.error(INVALID_NUMBER);
      return this.numberToken();
    }
    if (this.word('true')) {
      this.number = 1;
      return BOOLEAN;
    }
    if (this.word('false')) {
      this.number = 0;
      return BOOLEAN;
    }
    if (this.word('null')) return NULL;
    if (this.settings.decodeInvalidNumbers && this.isInvalidNumber()) return this.numberToken();
    return this.error(INVALID_TOKEN);
  }

  /** Moves past a word that stands here. */
  private word(word: string): boolean {
    for (let i = 0; i < word.length; i++) if (this.text[this.at + i] !== word.charCodeAt(i)) return false;
    this.at += word.length;
    return true;
  }

  /** A form that strtod reads but JSON has not. */
  private isInvalidNumber(): boolean {
    const { text } = this;
    let { at } = this;
    if (text[at] === 43) return true;
    if (text[at] === 45) at++;
    const byte = text[at]!;
    if (byte === 48) {
      const next = text[at + 1]!;
      return (next | 0x20) === 120 || (next >= 48 && next <= 57);
    }
    if (byte <= 57) return false;
    const word = String.fromCharCode(...text.subarray(at, at + 3)).toLowerCase();
    return word === 'inf' || word === 'nan';
  }

  private numberToken(): Token {
    const { text } = this;
    // Whole numbers of few digits need no more than this.
    let { at } = this;
    const negative = text[at] === 45;
    if (negative) at++;
    const from = at;
    let value = 0;
    for (let byte = text[at]!; byte >= 48 && byte <= 57; byte = text[++at]!) value = value * 10 + (byte - 48);
    const next = text[at]! | 0x20;
    if (at > from && at - from <= MAX_PLAIN_DIGITS && text[at] !== 46 && next !== 101 && next !== 120) {
      this.number = negative ? -value : value;
      this.at = at;
      return NUMBER;
    }
    let end = this.at;
    while (end < text.length && /[-+.0-9a-zA-Z_()]/.test(String.fromCharCode(text[end]!))) end++;
    let word = '';
    for (let i = this.at; i < end; i++) word += String.fromCharCode(text[i]!);
    const read = readDouble(word, 0);
    if (read.length === 0) return this.error(INVALID_NUMBER);
    this.number = read.value;
    this.at += read.length;
    return NUMBER;
  }

  private string(): Token {
    const { text } = this;
    let at = this.at + 1;
    const from = at;
    while (text[at] !== 34 && text[at] !== 92 && text[at] !== 0) at++;
    if (text[at] === 34) {
      this.isEscaped = false;
      this.stringFrom = from;
      this.stringTo = at;
      this.at = at + 1;
      return STRING;
    }
    return this.escapedString(from);
  }

  private escapedString(from: number): Token {
    const { text } = this;
    if (this.unescaped.length < text.length) this.unescaped = new Uint8Array(text.length);
    const { unescaped } = this;
    let length = 0;
    this.at = from;
    for (let byte = text[from]!; byte !== 34; byte = text[this.at]!) {
      if (byte === 0) return this.error('unexpected end of string');
      if (byte !== 92) {
        unescaped[length++] = byte;
        this.at++;
        continue;
      }
      const kind = text[this.at + 1]!;
      if (kind === 117) {
        const code = this.codePoint();
        if (code < 0) return this.error('invalid unicode escape code');
        length = putUtf8(unescaped, length, code);
        continue;
      }
      const plain = ESCAPED[kind];
      if (plain === undefined) return this.error('invalid escape code');
      unescaped[length++] = plain;
      this.at += 2;
    }
    this.at++;
    this.isEscaped = true;
    this.stringTo = length;
    return STRING;
  }

  /** The code point of `\uXXXX`, or of two that make a pair, and moves past it; -1 when it is none. */
  private codePoint(): number {
    const { text, at } = this;
    const first = this.hex4(at + 2);
    if (first < 0) return -1;
    if ((first & 0xf800) !== 0xd800) {
      this.at += 6;
      return first;
    }
    if ((first & 0x400) !== 0 || text[at + 6] !== 92 || text[at + 7] !== 117) return -1;
    const second = this.hex4(at + 8);
    if (second < 0 || (second & 0xfc00) !== 0xdc00) return -1;
    this.at += 12;
    return (((first & 0x3ff) << 10) | (second & 0x3ff)) + 0x10000;
  }

  private hex4(at: number): number {
    let value = 0;
    for (let i = at; i < at + 4; i++) {
      const byte = this.text[i] ?? 0;
      const lower = byte | 0x20;
      if (byte >= 48 && byte <= 57) value = value * 16 + byte - 48;
      else if (lower >= 97 && lower <= 102) value = value * 16 + lower - 87;
      else return -1;
    }
    return value;
  }

  // --- Values --------------------------------------------------------------------------------------------------------

  private pushString(state: LuaState): void {
    const { machine } = this;
    if (this.isEscaped) machine.pushBytes(state, this.unescaped, 0, this.stringTo);
    else machine.api.lua_pushlstring(state, this.source + this.stringFrom, this.stringTo - this.stringFrom);
  }

  private value(state: LuaState, token: Token): void {
    const { api } = this.machine;
    switch (token) {
      case STRING:
        this.pushString(state);
        return;
      case NUMBER:
        api.lua_pushnumber(state, this.number);
        return;
      case BOOLEAN:
        api.lua_pushboolean(state, this.number);
        return;
      case OBJECT_BEGIN:
        this.object(state);
        return;
      case ARRAY_BEGIN:
        this.array(state);
        return;
      case NULL:
        api.lua_pushlightuserdata(state, 0);
        return;
      default:
        this.fail(state, 'value', token);
    }
  }

  private descend(state: LuaState, slots: number): void {
    this.depth++;
    const { decodeMaxDepth } = this.settings;
    if (
      this.depth <= decodeMaxDepth &&
      this.depth <= MAX_NESTING &&
      this.machine.api.lua_checkstack(state, slots) !== 0
    ) {
      return;
    }
    this.machine.raise(state, `Found too many nested data structures (${this.depth}) at character ${this.at}`);
  }

  private object(state: LuaState): void {
    const { api } = this.machine;
    this.descend(state, 3);
    api.lua_createtable(state, 0, 0);
    let token = this.token();
    if (token === OBJECT_END) {
      this.depth--;
      return;
    }
    for (;;) {
      if (token !== STRING) this.fail(state, 'object key string', token);
      this.pushString(state);
      token = this.token();
      if (token !== COLON) this.fail(state, 'colon', token);
      this.value(state, this.token());
      api.lua_rawset(state, -3);
      token = this.token();
      if (token === OBJECT_END) {
        this.depth--;
        return;
      }
      if (token !== COMMA) this.fail(state, 'comma or object end', token);
      token = this.token();
    }
  }

  private array(state: LuaState): void {
    const { api } = this.machine;
    this.descend(state, 2);
    api.lua_createtable(state, 0, 0);
    let token = this.token();
    if (token === ARRAY_END) {
      this.depth--;
      return;
    }
    for (let i = 1; ; i++) {
      this.value(state, token);
      api.lua_rawseti(state, -2, i);
      token = this.token();
      if (token === ARRAY_END) {
        this.depth--;
        return;
      }
      if (token !== COMMA) this.fail(state, 'comma or array end', token);
      token = this.token();
    }
  }
}

function putUtf8(bytes: Uint8Array, at: number, code: number): number {
  if (code <= 0x7f) {
    bytes[at++] = code;
  } else if (code <= 0x7ff) {
    bytes[at++] = (code >> 6) | 0xc0;
    bytes[at++] = (code & 0x3f) | 0x80;
  } else if (code <= 0xffff) {
    bytes[at++] = (code >> 12) | 0xe0;
    bytes[at++] = ((code >> 6) & 0x3f) | 0x80;
    bytes[at++] = (code & 0x3f) | 0x80;
  } else {
    bytes[at++] = (code >> 18) | 0xf0;
    bytes[at++] = ((code >> 12) & 0x3f) | 0x80;
    bytes[at++] = ((code >> 6) & 0x3f) | 0x80;
    bytes[at++] = (code & 0x3f) | 0x80;
  }
  return at;
}
