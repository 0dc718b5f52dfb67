/**
 * The manifest on disk, looked at five times a second. Looking beats being told here: editors replace files by rename,
 * mounted folders tell nothing, and a look costs a stat.
 */
import { readFileSync, statSync } from 'node:fs';
import { ManifestError, parseManifest, type ValkeyCluster } from '../api/index.ts';

export const LOOK_INTERVAL_MS = 200;

/** Reads it once. Throws ManifestError with one line that says what is wrong. */
export function readManifest(path: string): ValkeyCluster {
  return parseManifest(readText(path), path);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ManifestError(`${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export class ManifestWatch {
  readonly #path: string;
  readonly #onEdit: (cluster: ValkeyCluster) => void;
  readonly #onMistake: (line: string) => void;
  #timer: NodeJS.Timeout | null = null;
  #stamp: string;
  /** Of the last look: a file is read once it has not changed between two, for some editors empty it before they write. */
  #lastSeen: string;
  #lastMistake = '';

  /** `onEdit` gets every readable version, `onMistake` one line for every unreadable one. */
  constructor(path: string, onEdit: (cluster: ValkeyCluster) => void, onMistake: (line: string) => void) {
    this.#path = path;
    this.#onEdit = onEdit;
    this.#onMistake = onMistake;
    this.#stamp = stampOf(path);
    this.#lastSeen = this.#stamp;
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #look(): void {
    const stamp = stampOf(this.#path);
    const settled = stamp === this.#lastSeen;
    this.#lastSeen = stamp;
    if (!settled || stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      this.#onEdit(readManifest(this.#path));
      this.#lastMistake = '';
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      if (error.message !== this.#lastMistake) this.#onMistake(error.message);
      this.#lastMistake = error.message;
    }
  }
}

/** Changes with every edit; a file that is being replaced may be missing for a moment. */
function stampOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'missing';
  }
}
