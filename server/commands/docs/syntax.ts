/**
 * Arguments out of a line of syntax, so that the table of commands reads as a manual does:
 *
 *   key value [condition<NX@2.6.12 | XX@2.6.12 | IFEQ=comparison-value@8.1.0>] [GET] [LIMIT=limit(offset:integer count:integer)]
 *
 *   name            a string; `name:type` another type (integer, double, key, pattern, unix-time)
 *   key             a key of the command's first key spec; `name:key` likewise; `name:key1` of its second; `name:integer#1` names a spec and is no key
 *   TOKEN           a word by itself, named as it is in lower case; `TOKEN~name` named otherwise; `"="~equal` any text
 *   TOKEN=argument  an argument after its word
 *   name<a | b>     one of several; name(a b) several together
 *   [argument]      may be left out
 *   argument...     may be repeated; argument...* with its word each time
 *   @version        since, !version deprecated since, /text shown in place of the name, {text} a summary
 */
import type { Argument, ArgumentType } from './argument.ts';

const TYPES: readonly ArgumentType[] = ['string', 'integer', 'double', 'pattern', 'unix-time'];
const WORD = /[A-Za-z0-9_-]+/y;
const VERSION = /\d+\.\d+\.\d+/y;

/** The arguments that a line describes. Throws with the place where it is wrong: the lines are ours. */
export function parseSyntax(line: string): readonly Argument[] {
  const reader = new SyntaxReader(line);
  const parts = reader.sequence('');
  reader.end();
  return parts;
}

class SyntaxReader {
  private readonly line: string;
  private at = 0;

  constructor(line: string) {
    this.line = line;
  }

  end(): void {
    if (this.at < this.line.length) this.fail('what follows is no argument');
  }

  /** Arguments up to the closing character, which is left. */
  sequence(closing: string): Argument[] {
    const parts: Argument[] = [];
    for (;;) {
      this.spaces();
      if (this.at >= this.line.length || this.line[this.at] === closing) return parts;
      parts.push(this.argument());
    }
  }

  private argument(): Argument {
    if (!this.take('[')) return this.suffixed(this.core());
    const inner = this.argument();
    this.spaces();
    this.expect(']');
    return this.suffixed({ ...inner, optional: true });
  }

  /** A token, an argument after its token, or an argument. */
  private core(): Argument {
    const quoted = this.take('"');
    const word = quoted ? this.until('"') : this.word();
    if (this.take('=')) return { ...this.suffixed(this.named(this.word())), token: word };
    if (quoted || isToken(word)) {
      const name = this.take('~') ? this.word() : word.toLowerCase();
      return { ...plain(name, 'pure-token'), token: word };
    }
    return this.named(word);
  }

  private named(name: string): Argument {
    if (this.take('<')) return { ...plain(name, 'oneof'), display: null, parts: this.alternatives() };
    if (this.take('(')) {
      const parts = this.sequence(')');
      this.expect(')');
      return { ...plain(name, 'block'), display: null, parts };
    }
    if (!this.take(':')) return name === 'key' ? { ...plain(name, 'key'), keySpec: 0 } : plain(name, 'string');
    const type = this.word();
    const spec = this.take('#') ? Number(this.word()) : -1;
    if (type.startsWith('key')) return { ...plain(name, 'key'), keySpec: Number(type.slice(3) || '0') };
    const known = TYPES.find((one) => one === type);
    if (known === undefined) this.fail(`${type} is no type`);
    return { ...plain(name, known!), keySpec: spec };
  }

  private alternatives(): Argument[] {
    const parts: Argument[] = [];
    do {
      this.spaces();
      parts.push(this.argument());
      this.spaces();
    } while (this.take('|'));
    this.expect('>');
    return parts;
  }

  private suffixed(argument: Argument): Argument {
    if (this.take('...')) {
      const multipleToken = this.take('*');
      return this.suffixed({ ...argument, multiple: true, multipleToken });
    }
    if (this.take('@')) return this.suffixed({ ...argument, since: this.match(VERSION) });
    if (this.take('!')) return this.suffixed({ ...argument, deprecatedSince: this.match(VERSION) });
    if (this.take('/')) return this.suffixed({ ...argument, display: this.take('"') ? this.until('"') : this.word() });
    if (this.take('{')) return this.suffixed({ ...argument, summary: this.until('}') });
    return argument;
  }

  private word(): string {
    return this.match(WORD);
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.line)?.[0];
    if (found === undefined) this.fail('a word is missing');
    this.at += found!.length;
    return found!;
  }

  private until(closing: string): string {
    const end = this.line.indexOf(closing, this.at);
    if (end < 0) this.fail(`${closing} is missing`);
    const text = this.line.slice(this.at, end);
    this.at = end + 1;
    return text;
  }

  private take(text: string): boolean {
    if (!this.line.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  private expect(text: string): void {
    if (!this.take(text)) this.fail(`${text} is missing`);
  }

  private spaces(): void {
    while (this.line[this.at] === ' ') this.at++;
  }

  private fail(problem: string): void {
    throw new Error(`syntax: ${problem}, at ${this.at} of: ${this.line}`);
  }
}

function isToken(word: string): boolean {
  return word === word.toUpperCase() && /[A-Z]/.test(word);
}

function plain(name: string, type: ArgumentType): Argument {
  return {
    name,
    type,
    display: name,
    keySpec: -1,
    token: null,
    summary: null,
    since: null,
    deprecatedSince: null,
    optional: false,
    multiple: false,
    multipleToken: false,
    parts: [],
  };
}
