/** Replies out of bytes, and what of them may be compared. */

/** A reply as nested text: the type's character, then the content. */
export type Reply = string | readonly Reply[];

export class ReplyReader {
  private text = '';
  private at = 0;

  push(text: string): void {
    this.text = this.text.slice(this.at) + text;
    this.at = 0;
  }

  /** The next reply, or null when it is not there in full. */
  next(): Reply | null {
    const start = this.at;
    const reply = this.read();
    if (reply === null) this.at = start;
    return reply;
  }

  private read(): Reply | null {
    const end = this.text.indexOf('\r\n', this.at);
    if (end < 0) return null;
    const type = this.text[this.at]!;
    const line = this.text.slice(this.at + 1, end);
    this.at = end + 2;
    if (type === '$' || type === '=') {
      const length = Number(line);
      if (length < 0) return '$nil';
      if (this.text.length < this.at + length + 2) return null;
      const content = this.text.slice(this.at, this.at + length);
      this.at += length + 2;
      return type + content;
    }
    if (!'*%~>'.includes(type)) return type + line;
    if (line === '-1') return '*nil';
    const items: Reply[] = [type];
    for (let i = Number(line) * (type === '%' ? 2 : 1); i > 0; i--) {
      const item = this.read();
      if (item === null) return null;
      items.push(item);
    }
    return items;
  }
}

/** Commands whose elements come in no particular order, and how many neighbours belong together. */
const UNORDERED: Readonly<Record<string, number>> = {
  KEYS: 1,
  SMEMBERS: 1,
  SINTER: 1,
  SUNION: 1,
  SDIFF: 1,
  HKEYS: 1,
  HVALS: 1,
  HGETALL: 2,
  SPOP: 1,
};
const SCANS: Readonly<Record<string, number>> = { SCAN: 1, SSCAN: 1, HSCAN: 2, ZSCAN: 2 };

/** A reply with what no order is promised for put in one. */
export function comparable(words: readonly string[], reply: Reply): Reply {
  const name = words[0]!.toUpperCase();
  if (typeof reply === 'string') return reply;
  // The process, and the version of what is not yet a server of its own, are told by HELLO.
  if (name === 'HELLO') return ['hello'];
  if (name === 'EXEC') return loose(reply);
  const scan = SCANS[name];
  if (scan !== undefined && Array.isArray(reply[2])) {
    const width = words.some((word) => word.toUpperCase() === 'NOVALUES') ? 1 : scan;
    return [reply[1]!, sorted(reply[2], width)];
  }
  const width = UNORDERED[name];
  return width === undefined ? reply : sorted(reply, width);
}

/** Of a transaction: each of its replies in any order; what HELLO tells is a connection's own. */
function loose(reply: Reply): Reply {
  if (typeof reply === 'string') return reply;
  return [reply[0]!, ...reply.slice(1).map((item) => (typeof item === 'string' ? item : ofAnyOrder(flat(item))))];
}

function ofAnyOrder(words: readonly string[]): Reply {
  return words.includes('$proto') ? ['hello'] : ['any', ...[...words].sort()];
}

function flat(reply: Reply): string[] {
  return typeof reply === 'string' ? [reply] : reply.slice(1).flatMap(flat);
}

function sorted(reply: readonly Reply[], width: number): Reply {
  const items: string[] = [];
  for (let i = 1; i < reply.length; i += width) items.push(JSON.stringify(reply.slice(i, i + width)));
  return [reply[0]!, ...items.sort()];
}
