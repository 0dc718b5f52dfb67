/** A cluster run by `keyherd local` in a directory of its own, as a person would run it: a manifest, a terminal without a screen, signals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ValkeyCluster, ValkeyClusterStatus } from '../../operator/api/index.ts';
import { NodeConnection, type Reply } from '../../operator/node-client/connection.ts';
import {
  HOST,
  isRunning,
  type NodeRecord,
  type ProcessId,
  StateDirectory,
  signal,
} from '../../operator/platform/process/index.ts';
import { type Shard, shardsOf } from '../workload/slots.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CLUSTER_NAME = 'e2e';
const LOOK_INTERVAL_MS = 20;
const CALL_TIMEOUT_MS = 2_000;
/** Lines of the front kept for an account of a failure. */
const MAX_LINES = 400;

export interface Spec {
  readonly shards: number;
  readonly replicas: number;
  readonly persistence: 'None' | 'RDB';
  readonly config?: Readonly<Record<string, string>>;
}

export class LocalCluster {
  readonly port: number;
  readonly manifestPath: string;
  readonly lines: string[] = [];
  readonly #home: string;
  readonly #state: StateDirectory;
  #front: ChildProcess | null = null;
  #spec: Spec;

  constructor(port: number, spec: Spec) {
    this.port = port;
    this.#spec = spec;
    this.#home = mkdtempSync(join(tmpdir(), 'keyherd-e2e-'));
    mkdirSync(this.temporary);
    this.manifestPath = join(this.#home, 'cluster.yaml');
    this.#state = new StateDirectory(join(this.temporary, `keyherd-${userInfo().uid}`, CLUSTER_NAME));
    this.edit(spec);
  }

  /** What `keyherd local` takes for the system's directory of temporary files. */
  get temporary(): string {
    return join(this.#home, 'tmp');
  }

  get spec(): Spec {
    return this.#spec;
  }

  get frontPid(): number {
    return this.#front?.pid ?? 0;
  }

  start(): void {
    const front = spawn(
      process.execPath,
      [join(ROOT, 'operator', 'local', 'main.ts'), this.manifestPath, '--port', String(this.port), '--plain'],
      {
        env: { ...process.env, TMPDIR: this.temporary },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#front = front;
    for (const stream of [front.stdout, front.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop() ?? '';
        this.lines.push(...parts);
        if (this.lines.length > MAX_LINES) this.lines.splice(0, this.lines.length - MAX_LINES);
      });
    }
  }

  /** Replaces the manifest as an editor does. */
  edit(spec: Spec): void {
    this.#spec = spec;
    this.writeManifest(
      `apiVersion: keyherd.dev/v1alpha1\nkind: ValkeyCluster\nmetadata:\n  name: ${CLUSTER_NAME}\nspec:\n` +
        `  shards: ${spec.shards}\n  replicas: ${spec.replicas}\n  persistence:\n    mode: ${spec.persistence}\n` +
        `  config: ${JSON.stringify(spec.config ?? {})}\n`,
    );
  }

  writeManifest(text: string): void {
    const fresh = `${this.manifestPath}.new`;
    writeFileSync(fresh, text);
    renameSync(fresh, this.manifestPath);
  }

  /** Waits for a line of the front, from the given line on. */
  async line(pattern: RegExp, timeoutMs: number, from = 0): Promise<string> {
    return await eventually(`a line like ${pattern} from keyherd local`, timeoutMs, async () =>
      this.lines.slice(from).find((line) => pattern.test(line)),
    );
  }

  /** Waits until the manifest as last written is carried out, by the operator's own word, and every node is up and in sync. */
  async ready(timeoutMs: number): Promise<void> {
    await eventually(
      `the cluster to be Ready with ${this.#spec.shards} shards and ${this.#spec.replicas} replicas`,
      timeoutMs,
      async () => {
        const desired = this.#state.read<ValkeyCluster>('desired.json');
        const status = this.status();
        const { shards, replicas } = this.#spec;
        const takenOver = desired?.spec.shards === shards && desired.spec.replicas === replicas;
        const done =
          takenOver && status?.state === 'Ready' && status.observedGeneration === desired.metadata.generation;
        return done &&
          this.nodes().filter(({ process }) => process !== null && isRunning(process)).length ===
            shards * (1 + replicas)
          ? true
          : undefined;
      },
    );
  }

  status(): ValkeyClusterStatus | null {
    return this.#state.read<ValkeyClusterStatus>('status.json');
  }

  nodes(): NodeRecord[] {
    return this.#state.allNodes().map(({ record }) => record);
  }

  /** pid by node name, of all nodes that run. */
  pids(): Map<string, number> {
    return new Map(
      this.nodes().flatMap(({ name, process }) =>
        process !== null && isRunning(process) ? [[name, process.pid]] : [],
      ),
    );
  }

  reconcilerPid(): number {
    const told = this.lines.filter((line) => line.startsWith('keyherd: reconciler pid ')).at(-1);
    return Number(told?.split(' ').at(-1));
  }

  /** The shards as a node tells them: any that answers. */
  async shards(): Promise<Shard[]> {
    for (const { port } of this.nodes()) {
      try {
        return shardsOf(await this.call(port, 'CLUSTER', 'SLOTS'), HOST);
      } catch {
        // It may be the one that is down: another knows as well.
      }
    }
    throw new Error('no node answers CLUSTER SLOTS');
  }

  async call(port: number, ...parts: string[]): Promise<Reply> {
    const connection = await NodeConnection.open({
      host: HOST,
      port,
      connectTimeoutMs: CALL_TIMEOUT_MS,
      callTimeoutMs: CALL_TIMEOUT_MS,
    });
    try {
      return await connection.call(parts);
    } finally {
      connection.close();
    }
  }

  processOf(port: number): ProcessId {
    const id = this.nodes().find((node) => node.port === port)?.process;
    if (id == null) throw new Error(`no node listens on port ${port}`);
    return id;
  }

  /** Ends the front as a person would; its exit code. */
  async stop(name: 'SIGTERM' | 'SIGINT' = 'SIGTERM', timeoutMs = 15_000): Promise<number | null> {
    const front = this.#front;
    if (front === null || front.exitCode !== null || front.signalCode !== null) return front?.exitCode ?? null;
    front.kill(name);
    await eventually('keyherd local to end', timeoutMs, async () =>
      front.exitCode !== null || front.signalCode !== null ? true : undefined,
    );
    return front.exitCode;
  }

  killFront(): void {
    this.#front?.kill('SIGKILL');
  }

  /** Whatever happened: no process and no file of this cluster is left. */
  async destroy(): Promise<void> {
    await this.stop().catch(() => this.killFront());
    for (const { process } of this.nodes()) if (process !== null) signal(process, 'SIGKILL');
    rmSync(this.#home, { recursive: true, force: true });
  }

  /** What is left in the directory of temporary files. */
  leftovers(): string[] {
    return readdirSync(this.temporary);
  }

  /** The last words of the front and of every node, for the account of a failure. */
  account(linesEach: number): string[] {
    const told = this.lines.slice(-4 * linesEach).map((line) => `  keyherd local | ${line}`);
    const logs = this.#state
      .allNodes()
      .flatMap(({ shardIndex, ordinal, record }) =>
        lastLines(join(this.#state.nodePath(shardIndex, ordinal), 'node.log'), linesEach).map(
          (line) => `  ${record.name} | ${line}`,
        ),
      );
    return [...told, ...logs];
  }
}

function lastLines(path: string, count: number): string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count);
  } catch {
    return [];
  }
}

/** Asks until there is an answer. */
export async function eventually<T>(what: string, timeoutMs: number, ask: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() >= deadlineMs) throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`);
    await sleep(LOOK_INTERVAL_MS);
  }
}
