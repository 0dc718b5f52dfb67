/** The reconciler as the front holds it: a child that is started again when it ends without being told to. */
import { type ChildProcess, fork } from 'node:child_process';
import { extname, join } from 'node:path';
import { type FromFront, type FromReconciler, type ReconcilerTask, TASK_VARIABLE } from './messages.ts';

const RESTART_DELAY_FIRST_MS = 200;
const RESTART_DELAY_MAX_MS = 5_000;
/** Running this long, it has earned a quick restart again. */
const STEADY_AFTER_MS = 10_000;
const STOP_TIMEOUT_MS = 3_000;

export class ReconcilerProcess {
  readonly #task: ReconcilerTask;
  readonly #onMessage: (message: FromReconciler) => void;
  readonly #onLine: (line: string) => void;
  #child: ChildProcess | null = null;
  #restart: NodeJS.Timeout | null = null;
  #restartDelayMs = RESTART_DELAY_FIRST_MS;
  #stopping = false;

  constructor(task: ReconcilerTask, onMessage: (message: FromReconciler) => void, onLine: (line: string) => void) {
    this.#task = task;
    this.#onMessage = onMessage;
    this.#onLine = onLine;
  }

  start(): void {
    const startedAtMs = performance.now();
    const child = fork(join(import.meta.dirname, `reconciler${extname(import.meta.filename)}`), [], {
      env: { ...process.env, [TASK_VARIABLE]: JSON.stringify(this.#task) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    child.on('message', (message) => this.#onMessage(message as FromReconciler));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n')) if (line !== '') this.#onLine(`reconciler: ${line}`);
    });
    child.once('exit', (code, signal) => {
      this.#child = null;
      if (this.#stopping) return;
      if (performance.now() - startedAtMs >= STEADY_AFTER_MS) this.#restartDelayMs = RESTART_DELAY_FIRST_MS;
      this.#onLine(
        `keyherd: the reconciler (pid ${child.pid}) ${signal === null ? `exited with code ${code}` : `was ended by ${signal}`}; the nodes go on; another starts in ${this.#restartDelayMs} ms`,
      );
      this.#restart = setTimeout(() => this.start(), this.#restartDelayMs);
      this.#restartDelayMs = Math.min(RESTART_DELAY_MAX_MS, this.#restartDelayMs * 2);
    });
    this.#onLine(`keyherd: reconciler pid ${child.pid}`);
  }

  /** desired.json has changed. A reconciler that is just starting reads it anyway. */
  look(): void {
    this.#send({ kind: 'look' });
  }

  /** Brings it to rest, so that nothing starts nodes any more; it stays, for the nodes are its children. */
  async rest(): Promise<void> {
    this.#stopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    const child = this.#child;
    if (child === null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      child.once('exit', done);
      child.on('message', (message) => {
        if ((message as FromReconciler).kind === 'resting') done();
      });
      this.#send({ kind: 'rest' });
    });
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    this.#send({ kind: 'stop' });
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }

  #send(message: FromFront): void {
    if (this.#child?.connected === true) this.#child.send(message, () => {}); // Gone meanwhile: its successor reads the file.
  }
}
