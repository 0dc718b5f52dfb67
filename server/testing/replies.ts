/** Requests into text and replies out of it, for tests that compare everything; a character is a byte. */

/** A reply as nested text: the type's character, then the content. */
export type Reply = string | readonly Reply[];

/** Commands as a client sends them. */
export function requestText(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

/** Replies out of bytes that come in pieces, as latin-1 text. */
export class ReplyReader {
  private text = '';
  private at = 0;
  /** What comes is a primary's stream, in which line breaks stand between commands to keep the link alive. */
  private isStream = false;

  push(text: string): void {
    this.text = this.text.slice(this.at) + text;
    this.at = 0;
  }

  /** The next reply, or null when it is not there in full. */
  next(): Reply | null {
    while (this.isStream && this.text[this.at] === '\n') this.at++;
    const start = this.at;
    const reply = this.read();
    if (reply === null) this.at = start;
    return reply;
  }

  /** Skips a full synchronisation's payload; false when it is not there in full. */
  skipPayload(): boolean {
    const found = /^\n*\+FULLRESYNC [^\r]*\r\n\n*(?:\+[^\r]*\r\n)?\n*\$(?:EOF:([^\r]{40})|(\d+))\r\n/.exec(this.text);
    if (found === null) return false;
    const start = found[0].length;
    if (found[1] === undefined) {
      if (this.text.length < start + Number(found[2])) return false;
      this.at = start + Number(found[2]);
      this.isStream = true;
      return true;
    }
    const end = this.text.indexOf(found[1], start);
    if (end < 0) return false;
    this.at = end + found[1].length;
    this.isStream = true;
    return true;
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

/** The one reply that a text is. */
export function onlyReply(text: string): Reply {
  const reader = new ReplyReader();
  reader.push(text);
  const reply = reader.next();
  if (reply === null) throw new Error(`no whole reply: ${JSON.stringify(text)}`);
  if (reader.next() !== null) throw new Error(`more than one reply: ${JSON.stringify(text)}`);
  return reply;
}

/** An unordered reply's elements in one order, `width` neighbours together. */
export function sorted(reply: readonly Reply[], width: number): Reply {
  const items: string[] = [];
  for (let i = 1; i < reply.length; i += width) items.push(JSON.stringify(reply.slice(i, i + width)));
  return [reply[0]!, ...items.sort()];
}
