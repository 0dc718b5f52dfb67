/**
 * Where the front shows what happens: on a terminal a table that is drawn over, with the last lines below it; otherwise lines only.
 * Every line begins with a word that says what it is (ready, state, event, node, manifest, migration, keyherd); README lists them.
 */
import { type Picture, tableOf } from './table.ts';

const LINES_BELOW = 8;
/** A terminal is drawn at most this often, however fast news comes. */
const DRAW_INTERVAL_MS = 100;

export interface Screen {
  line(text: string): void;
  picture(picture: Picture): void;
  /** The last drawing; the terminal is the shell's again. */
  close(): void;
}

export class PlainScreen implements Screen {
  readonly #out: NodeJS.WritableStream;

  constructor(out: NodeJS.WritableStream) {
    this.#out = out;
  }

  line(text: string): void {
    this.#out.write(`${text}\n`);
  }

  picture(): void {}

  close(): void {}
}

export class TableScreen implements Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #lines: string[] = [];
  #picture: Picture | null = null;
  #drawnLines = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  line(text: string): void {
    this.#lines.push(text);
    if (this.#lines.length > LINES_BELOW) this.#lines.shift();
    this.#soon();
  }

  picture(picture: Picture): void {
    this.#picture = picture;
    this.#soon();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#draw();
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#draw();
    }, DRAW_INTERVAL_MS);
  }

  #draw(): void {
    const table = this.#picture === null ? [] : [...tableOf(this.#picture), ''];
    const width = this.#out.columns || 80;
    // A terminal lower than the table shows its top: what is drawn must fit, or drawing over it goes astray.
    const lines = [...table, ...this.#lines]
      .slice(0, Math.max(1, (this.#out.rows || 24) - 1))
      .map((line) => line.slice(0, width - 1));
    const up = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A` : '';
    this.#out.write(`${up}\r\x1b[J${lines.map((line) => `${line}\n`).join('')}`);
    this.#drawnLines = lines.length;
  }
}
