/**
 * Error replies by their code, the first word: INFO errorstats. Source: Valkey 9.1 server.c incrementErrorCount.
 * Limit: MAX_CODES; a script may answer with words of its own, and beyond the limit they are counted as one. The server's own are few.
 */
const MAX_CODES = 128;
const OTHERS = 'ERRORSTATS_OVERFLOW';

export class ErrorCounts {
  /** All of them. */
  total = 0;
  private readonly byCode: Map<string, number> = new Map();

  /** `error` is the text of an error reply, without its `-`; `fromScript`: its words may be of the script's own making. */
  count(error: string, fromScript = false): void {
    this.total++;
    const space = error.indexOf(' ');
    const code = space < 0 ? error : error.slice(0, space);
    const known = !fromScript || this.byCode.has(code) || this.byCode.size < MAX_CODES ? code : OTHERS;
    this.byCode.set(known, (this.byCode.get(known) ?? 0) + 1);
  }

  all(): readonly (readonly [code: string, count: number])[] {
    return [...this.byCode].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  reset(): void {
    this.byCode.clear();
    this.total = 0;
  }
}
