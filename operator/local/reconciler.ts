/**
 * The reconciler of a cluster on processes: the operator's controller over the process platform, in a process of its own.
 * It may be killed at any moment: what it knows is on disk or in the nodes, and its successor adopts the nodes and goes on.
 * When the front is gone it ends too, and leaves the nodes alone.
 */
import { ClusterReconciler } from '../controllers/index.ts';
import { NodeAdmin } from '../node-client/admin.ts';
import { NodeConnection } from '../node-client/connection.ts';
import { ProcessPlatform, StateDirectory, serverCommand } from '../platform/process/index.ts';
import { type FromFront, type FromReconciler, type ReconcilerTask, TASK_VARIABLE } from './messages.ts';
import { snapshotOf } from './snapshot.ts';

/** A node on this machine answers a PING at once or is busy loading. */
const READY_TIMEOUT_MS = 500;
/** After the platform itself failed (a full disk, say). */
const RETRY_AFTER_FAILURE_MS = 1_000;
/** The table shows keys and operations a second: it wants a look now and then, also when nothing is to be done. */
const MAX_LOOK_INTERVAL_MS = 1_000;
/** Nodes start and end in bursts: one look for all of them. */
const CHANGE_SETTLES_MS = 20;

class LocalReconciler {
  readonly #platform: ProcessPlatform;
  readonly #reconciler: ClusterReconciler;
  #timer: NodeJS.Timeout | null = null;
  #pass: Promise<void> | null = null;
  #lookAgain = false;
  #stopped = false;

  constructor(task: ReconcilerTask) {
    this.#platform = new ProcessPlatform({
      state: new StateDirectory(task.statePath),
      clusterUid: task.clusterUid,
      command: serverCommand(process.env),
      firstPort: task.firstPort,
      isReady: ({ host, port }) => answers(host, port),
      onChange: () => this.look(),
      onStatus: () => {},
      onEvent: (event) => tell({ kind: 'event', event }),
      log: (line) => tell({ kind: 'log', line: `node ${line}` }),
    });
    this.#reconciler = new ClusterReconciler({
      platform: this.#platform,
      admin: new NodeAdmin(),
      clock: { nowMs: () => Date.now() },
      // What it does is told by its events; what fails is told here as well.
      log: {
        info: () => {},
        warn: (fields, message) => tell({ kind: 'log', line: `warning ${message} ${JSON.stringify(fields)}` }),
      },
    });
  }

  start(): void {
    this.#platform.start();
    this.look();
  }

  /** Looks soon; changes during a look lead to one more. */
  look(): void {
    if (this.#pass !== null) this.#lookAgain = true;
    else this.#lookIn(CHANGE_SETTLES_MS);
  }

  /** Does nothing more. A look under way ends first: it may be about to start a node. */
  async rest(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#pass;
    await this.#platform.stop();
  }

  #lookIn(delayMs: number): void {
    if (this.#stopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#pass = this.#lookOnce();
    }, delayMs);
  }

  async #lookOnce(): Promise<void> {
    this.#lookAgain = false;
    let nextMs = RETRY_AFTER_FAILURE_MS;
    try {
      const { nextLookMs, status, view } = await this.#reconciler.reconcileOnce();
      if (status !== null) tell({ kind: 'status', status });
      if (view !== null) tell({ kind: 'snapshot', snapshot: snapshotOf(view) });
      nextMs = Math.min(nextLookMs ?? MAX_LOOK_INTERVAL_MS, MAX_LOOK_INTERVAL_MS);
    } catch (error) {
      tell({ kind: 'log', line: `warning the look failed: ${error instanceof Error ? error.message : String(error)}` });
    }
    this.#pass = null;
    this.#lookIn(this.#lookAgain ? CHANGE_SETTLES_MS : nextMs);
  }
}

async function answers(host: string, port: number): Promise<boolean> {
  let connection: NodeConnection | undefined;
  try {
    connection = await NodeConnection.open({
      host,
      port,
      connectTimeoutMs: READY_TIMEOUT_MS,
      callTimeoutMs: READY_TIMEOUT_MS,
    });
    return (await connection.call(['PING'])) === 'PONG';
  } catch {
    return false;
  } finally {
    connection?.close();
  }
}

function tell(message: FromReconciler): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {}); // The front is gone: `disconnect` follows.
}

function main(): void {
  const task = process.env[TASK_VARIABLE];
  if (task === undefined) throw new Error('the reconciler is started by keyherd local');
  delete process.env[TASK_VARIABLE]; // The nodes need not carry it.
  const reconciler = new LocalReconciler(JSON.parse(task) as ReconcilerTask);
  const stop = (): void => {
    reconciler.rest().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('message', (message) => {
    const { kind } = message as FromFront;
    if (kind === 'stop') stop();
    else if (kind === 'look') reconciler.look();
    else void reconciler.rest().then(() => tell({ kind: 'resting' }));
  });
  process.on('disconnect', stop);
  // A terminal's Ctrl-C goes to all of its processes; ours is for the front, which tells us.
  for (const name of ['SIGINT', 'SIGHUP'] as const) process.on(name, () => {});
  process.on('SIGTERM', stop);
  reconciler.start();
}

main();
