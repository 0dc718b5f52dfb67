/**
 * When to save by itself (`save 3600 1 300 100 …`), and what INFO and LASTSAVE tell of saves. State only: no clock, no file.
 */

/** After a save failed, the next attempt waits this long (Valkey's CONFIG_BGSAVE_RETRY_DELAY). */
const RETRY_MS = 5000;

export interface SavePoint {
  readonly afterMs: number;
  readonly changes: number;
}

export function parseSavePoints(value: string): readonly SavePoint[] {
  const numbers = value
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);
  const points: SavePoint[] = [];
  for (let i = 0; i + 1 < numbers.length; i += 2)
    points.push({ afterMs: numbers[i]! * 1000, changes: numbers[i + 1]! });
  return points;
}

export class SaveState {
  points: readonly SavePoint[] = [];
  /** BGSAVE SCHEDULE came while a save was running. */
  scheduled = false;
  startedAtMs = 0;
  inProgress = false;
  lastSaveMs: number;
  lastAttemptMs = 0;
  lastFailed = false;
  lastDurationMs = -1;
  saves = 0;
  private changesAtStart = 0;

  constructor(nowMs: number) {
    this.lastSaveMs = nowMs;
  }

  /** A save point is reached. `changes` since the last save that succeeded. */
  isDue(changes: number, nowMs: number): boolean {
    if (this.inProgress) return false;
    if (this.scheduled) return true;
    if (this.lastFailed && nowMs - this.lastAttemptMs < RETRY_MS) return false;
    return this.points.some((point) => changes >= point.changes && nowMs - this.lastSaveMs >= point.afterMs);
  }

  begin(changes: number, nowMs: number): void {
    this.inProgress = true;
    this.scheduled = false;
    this.startedAtMs = nowMs;
    this.lastAttemptMs = nowMs;
    this.changesAtStart = changes;
  }

  /** Returns the changes that the save contains: the node takes them off its count. */
  succeeded(nowMs: number): number {
    this.inProgress = false;
    this.lastFailed = false;
    this.lastSaveMs = nowMs;
    this.lastDurationMs = nowMs - this.startedAtMs;
    this.saves++;
    return this.changesAtStart;
  }

  failed(nowMs: number, byIntent: boolean): void {
    this.inProgress = false;
    this.lastDurationMs = nowMs - this.startedAtMs;
    if (!byIntent) this.lastFailed = true;
  }
}
