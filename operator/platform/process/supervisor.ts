/**
 * Keeps as many processes of each shard running as it was told, as a kubelet does: starts what is missing, starts again what ended
 * (with back-off), stops what is to leave. What it knows is on disk before it matters, so that its successor can go on:
 * it adopts processes by pid and start time, and those started just before its predecessor died by their command line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { findByCommandLine, identify, isRunning, signal } from './processes.ts';
import { renderConfig } from './server-command.ts';
import type { NodeRecord, ShardRecord, StateDirectory } from './state.ts';

/** How soon a node that ended is started again; the delay doubles with each end, and is the first again after a while of running. */
export const RESTART_DELAY_FIRST_MS = 500;
export const RESTART_DELAY_MAX_MS = 10_000;
const STEADY_AFTER_MS = 30_000;
/** How often processes that are not our children are looked at. */
const TICK_MS = 200;
const LOG_FILE = 'node.log';
/** A node's log is begun anew at a start that finds it larger. */
const MAX_LOG_BYTES = 16 * 1024 * 1024;
/** Of a log's last line, when it says why a node ended. */
const MAX_LAST_LINE = 500;

export interface SupervisorOptions {
  readonly state: StateDirectory;
  readonly clusterUid: string;
  readonly command: readonly string[];
  readonly firstPort: number;
  /** Something changed: a process started or ended. */
  onChange(): void;
  log(line: string): void;
}

interface SupervisedNode {
  readonly ordinal: number;
  record: NodeRecord;
  child: ChildProcess | null;
  /** Ended, as we saw ourselves; why, for people. */
  ended: string | null;
  restartDelayMs: number;
  startAtMs: number;
  /** When it was sent SIGTERM for good; 0 before. */
  termAtMs: number;
}

interface SupervisedShard {
  record: ShardRecord;
  readonly nodes: Map<number, SupervisedNode>;
}

/** A node as it stands, for the platform to report. */
export interface NodeState {
  readonly ordinal: number;
  readonly record: NodeRecord;
  readonly running: boolean;
  readonly ended: string | null;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #shards = new Map<number, SupervisedShard>();
  #timer: NodeJS.Timeout | null = null;
  #passing: Promise<void> | null = null;
  #passAgain = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Takes over what is on disk and begins to supervise. */
  start(): void {
    const { state } = this.#options;
    for (const index of state.shardIndices()) {
      const record = state.readShard(index);
      if (record === null) {
        state.removeShard(index); // Its maker died before it had written anything of use.
        continue;
      }
      const shard: SupervisedShard = { record, nodes: new Map() };
      this.#shards.set(index, shard);
      for (const ordinal of state.ordinals(index)) {
        const node = state.readNode(index, ordinal);
        if (node !== null) shard.nodes.set(ordinal, this.#adopt(index, ordinal, node));
      }
    }
    this.#timer = setInterval(() => void this.#pass(), TICK_MS);
    void this.#pass();
  }

  /** Ends supervising; the processes go on. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#passing;
  }

  shards(): { index: number; record: ShardRecord; nodes: NodeState[] }[] {
    return [...this.#shards]
      .sort(([a], [b]) => a - b)
      .map(([index, { record, nodes }]) => ({
        index,
        record,
        nodes: [...nodes.values()]
          .sort((a, b) => a.ordinal - b.ordinal)
          .map((node) => ({ ordinal: node.ordinal, record: node.record, running: isAlive(node), ended: node.ended })),
      }));
  }

  shard(index: number): ShardRecord | null {
    return this.#shards.get(index)?.record ?? null;
  }

  setShard(index: number, record: ShardRecord): void {
    this.#options.state.writeShard(index, record);
    const shard = this.#shards.get(index);
    if (shard === undefined) this.#shards.set(index, { record, nodes: new Map() });
    else shard.record = record;
    void this.#pass();
  }

  #adopt(index: number, ordinal: number, record: NodeRecord): SupervisedNode {
    const running = record.process !== null && isRunning(record.process);
    const found = running ? record.process : (findByCommandLine(this.#configPath(index, ordinal))[0] ?? null);
    const adopted = found === null || running ? record : { ...record, process: found };
    if (adopted !== record) this.#options.state.writeNode(index, ordinal, adopted);
    if (found !== null) this.#options.log(`adopted ${record.name}, pid ${found.pid}`);
    return {
      ordinal,
      record: adopted,
      child: null,
      ended: found === null ? 'ended while nobody watched' : null,
      restartDelayMs: RESTART_DELAY_FIRST_MS,
      startAtMs: 0,
      termAtMs: 0,
    };
  }

  /** One pass over all nodes. Passes never overlap: a start waits for a free port. */
  async #pass(): Promise<void> {
    if (this.#passing !== null) {
      this.#passAgain = true;
      return;
    }
    do {
      this.#passAgain = false;
      this.#passing = this.#passOnce();
      await this.#passing.finally(() => {
        this.#passing = null;
      });
    } while (this.#passAgain && this.#timer !== null);
  }

  async #passOnce(): Promise<void> {
    for (const [index, shard] of [...this.#shards].sort(([a], [b]) => a - b)) {
      const wanted = shard.record.deleting ? 0 : shard.record.nodes;
      for (let ordinal = 0; ordinal < wanted; ordinal++) {
        if (!shard.nodes.has(ordinal)) await this.#make(index, shard, ordinal);
      }
      for (const node of [...shard.nodes.values()]) {
        try {
          this.#tend(index, shard, node, node.ordinal < wanted);
        } catch (error) {
          this.#options.log(`${node.record.name}: ${error instanceof Error ? error.message : String(error)}`);
          this.#backOff(node);
        }
      }
      if (shard.record.deleting && shard.nodes.size === 0) {
        this.#options.state.removeShard(index);
        this.#shards.delete(index);
        this.#options.onChange();
      }
    }
  }

  async #make(index: number, shard: SupervisedShard, ordinal: number): Promise<void> {
    const taken = new Set<number>();
    for (const { nodes } of this.#shards.values()) for (const { record } of nodes.values()) taken.add(record.port);
    let port: number;
    try {
      port = await freePort(this.#options.firstPort, taken);
    } catch (error) {
      this.#options.log(error instanceof Error ? error.message : String(error));
      return;
    }
    const name = `${shard.record.workload.name}-${ordinal}`;
    const record: NodeRecord = { name, port, process: null, startedAtMs: 0, leaving: false };
    this.#options.state.writeNode(index, ordinal, record);
    shard.nodes.set(ordinal, {
      ordinal,
      record,
      child: null,
      ended: null,
      restartDelayMs: RESTART_DELAY_FIRST_MS,
      startAtMs: 0,
      termAtMs: 0,
    });
  }

  /** Brings one node nearer to what is wanted of it. */
  #tend(index: number, shard: SupervisedShard, node: SupervisedNode, wanted: boolean): void {
    const alive = isAlive(node);
    if (!alive && node.child === null && node.record.process !== null && node.ended === null)
      this.#onEnd(node, 'ended');
    if (!wanted && !node.record.leaving) {
      node.record = { ...node.record, leaving: true };
      this.#options.state.writeNode(index, node.ordinal, node.record);
    }
    if (node.record.leaving) {
      if (alive) this.#bringToEnd(shard, node);
      else {
        this.#options.state.removeNode(index, node.ordinal);
        shard.nodes.delete(node.ordinal);
        this.#options.onChange();
      }
    } else if (!alive && Date.now() >= node.startAtMs) this.#run(index, shard, node);
  }

  #bringToEnd(shard: SupervisedShard, node: SupervisedNode): void {
    const id = node.record.process;
    if (id === null) return;
    const nowMs = Date.now();
    if (node.termAtMs === 0) {
      node.termAtMs = nowMs;
      signal(id, 'SIGTERM');
    } else if (nowMs - node.termAtMs >= shard.record.workload.terminationGracePeriodSeconds * 1000)
      signal(id, 'SIGKILL');
  }

  #run(index: number, shard: SupervisedShard, node: SupervisedNode): void {
    const { state, clusterUid, command } = this.#options;
    const dataPath = state.nodePath(index, node.ordinal);
    const { name, port } = node.record;
    mkdirSync(dataPath, { recursive: true, mode: 0o700 });
    writeFileSync(
      this.#configPath(index, node.ordinal),
      renderConfig({ name, port, dataPath, clusterUid, directives: shard.record.workload.directives }),
    );
    const [program = '', ...args] = command;
    const log = openLog(join(dataPath, LOG_FILE));
    try {
      // Detached: a session of its own, so that neither our end nor a terminal's Ctrl-C is its end.
      const child = spawn(program, [...args, this.#configPath(index, node.ordinal)], {
        cwd: dataPath,
        detached: true,
        stdio: ['ignore', log, log],
      });
      child.unref();
      child.once('error', (error) => this.#onChildEnd(node, child, `could not be started: ${error.message}`));
      child.once('exit', (code, killedBy) => this.#onChildEnd(node, child, describeEnd(code, killedBy, dataPath)));
      if (child.pid === undefined) {
        this.#backOff(node);
        return;
      }
      node.child = child;
      node.ended = null;
      node.record = {
        ...node.record,
        process: identify(child.pid) ?? { pid: child.pid, startTime: 'ended' },
        startedAtMs: Date.now(),
      };
      state.writeNode(index, node.ordinal, node.record);
      this.#options.onChange();
    } finally {
      closeSync(log);
    }
  }

  #onChildEnd(node: SupervisedNode, child: ChildProcess, how: string): void {
    if (node.child !== null && node.child !== child) return;
    node.child = null;
    this.#onEnd(node, how);
    void this.#pass();
  }

  #onEnd(node: SupervisedNode, how: string): void {
    node.ended = how;
    if (Date.now() - node.record.startedAtMs >= STEADY_AFTER_MS) node.restartDelayMs = RESTART_DELAY_FIRST_MS;
    this.#backOff(node);
    this.#options.log(`${node.record.name} (pid ${node.record.process?.pid ?? 'none'}) ${how}`);
    this.#options.onChange();
  }

  #backOff(node: SupervisedNode): void {
    node.startAtMs = Date.now() + node.restartDelayMs;
    node.restartDelayMs = Math.min(RESTART_DELAY_MAX_MS, node.restartDelayMs * 2);
  }

  #configPath(index: number, ordinal: number): string {
    return join(this.#options.state.nodePath(index, ordinal), 'valkey.conf');
  }
}

/** A child of ours runs until its exit event; an adopted process as long as the system knows it. */
function isAlive(node: SupervisedNode): boolean {
  if (node.child !== null) return true;
  return node.record.process !== null && isRunning(node.record.process);
}

/** A server that fails says why in its last line: it saves a look into the log. */
function describeEnd(code: number | null, killedBy: NodeJS.Signals | null, dataPath: string): string {
  if (killedBy !== null) return `was ended by ${killedBy}`;
  if (code === 0) return 'exited with code 0';
  return `exited with code ${code}: ${lastLine(join(dataPath, LOG_FILE))}`;
}

function lastLine(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(-MAX_LAST_LINE).trimEnd().split('\n').at(-1) ?? '';
  } catch {
    return '';
  }
}

function openLog(path: string): number {
  try {
    if (statSync(path).size > MAX_LOG_BYTES) rmSync(path);
  } catch {
    // There is none yet.
  }
  return openSync(path, 'a', 0o600);
}
