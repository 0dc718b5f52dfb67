/**
 * The three things that are measured, each of both servers in turn: throughput, memory per key, start time.
 */
import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { loadKeys, VALUE_BYTES } from './loader.ts';
import type { ServerCommand, ServerProcess, Servers } from './server-process.ts';
import type { Workload } from './workloads.ts';

export type Pair = { readonly ours: ServerCommand; readonly valkey: ServerCommand };

/** One figure of both servers; `runs` holds every run's value, `ours` and `valkey` their medians (or the mean of sizes). */
export type Figure = {
  readonly name: string;
  readonly unit: 'requests/s' | 'keys/s' | 'bytes' | 'ms';
  readonly ours: number;
  readonly valkey: number;
  readonly runs: { readonly ours: readonly number[]; readonly valkey: readonly number[] };
};

export type Effort = {
  readonly runs: number;
  /** Scales the numbers of requests: 1 in a full measurement. Memory is always measured in full. */
  readonly scale: number;
};

export type Progress = (line: string) => void;

/** Requests of one run by pipeline depth: about two seconds each on two idle cores that client and server share. */
const REQUESTS: ReadonlyMap<number, number> = new Map([
  [1, 200_000],
  [16, 1_500_000],
  [64, 2_000_000],
]);
/** Untimed, before a command's runs: compilers and caches get warm, collections exist. */
const WARM_UP_REQUESTS = 200_000;
const WARM_UP_PIPELINE = 16;
const CLIENTS = 50;
const PRELOADED_KEYS = 1_000_000;

/** Requests per second of each command at each pipeline depth. */
export async function measureThroughput(
  servers: Servers,
  pair: Pair,
  client: string,
  workloads: readonly Workload[],
  effort: Effort,
  progress: Progress,
): Promise<Figure[]> {
  const ours = await servers.start(pair.ours);
  const valkey = await servers.start(pair.valkey);
  for (const server of [valkey, ours]) {
    progress(`loading ${PRELOADED_KEYS} keys into ${server.name}`);
    await loadKeys(server, 0, PRELOADED_KEYS);
  }
  const figures: Figure[] = [];
  for (const workload of workloads) {
    const scale = effort.scale / (workload.weight ?? 1);
    for (const server of [valkey, ours]) {
      await prepare(server, workload);
      await benchmark(client, server, workload, WARM_UP_PIPELINE, WARM_UP_REQUESTS * scale);
    }
    for (const [pipeline, requests] of REQUESTS) {
      if (workload.gates[pipeline] === undefined) continue;
      const runs: { ours: number[]; valkey: number[] } = { ours: [], valkey: [] };
      for (let run = 0; run < effort.runs; run++) {
        // Alternated, and in turns first, so that a machine that slows down slows both.
        const order = run % 2 === 0 ? (['valkey', 'ours'] as const) : (['ours', 'valkey'] as const);
        for (const which of order) {
          const server = which === 'ours' ? ours : valkey;
          await prepare(server, workload);
          runs[which].push(await benchmark(client, server, workload, pipeline, requests * scale));
        }
      }
      const name = `${workload.name} pipeline ${pipeline}`;
      const figure: Figure = { name, unit: 'requests/s', ours: median(runs.ours), valkey: median(runs.valkey), runs };
      progress(`${name}: ${(figure.ours / figure.valkey).toFixed(2)}`);
      figures.push(figure);
    }
  }
  await servers.stop(ours);
  await servers.stop(valkey);
  return figures;
}

/** Where the bytes per key are read: between two powers of two, so that no moment in a table's growth is favoured. */
const SIZES: readonly number[] = [1_000_000, 1_250_000, 1_500_000, 1_750_000];
/** What a load leaves behind (buffers, garbage) is given back within this time. */
const SETTLE_MS = 1_500;

/** Resident bytes per key over the empty server's, the mean of the figures at several sizes. */
export async function measureMemory(servers: Servers, pair: Pair, progress: Progress): Promise<Figure[]> {
  const perKey: { ours: number[]; valkey: number[] } = { ours: [], valkey: [] };
  const empty = { ours: 0, valkey: 0 };
  for (const which of ['valkey', 'ours'] as const) {
    const server = await servers.start(pair[which]);
    await wait(SETTLE_MS);
    empty[which] = server.residentBytes();
    let loaded = 0;
    for (const keys of SIZES) {
      progress(`loading ${keys} keys into ${server.name}`);
      await loadKeys(server, loaded, keys);
      loaded = keys;
      await wait(SETTLE_MS);
      perKey[which].push((server.residentBytes() - empty[which]) / keys);
    }
    await servers.stop(server);
  }
  return [
    { name: 'memory per key', unit: 'bytes', ours: mean(perKey.ours), valkey: mean(perKey.valkey), runs: perKey },
    {
      name: 'memory of the empty server',
      unit: 'bytes',
      ...empty,
      runs: { ours: [empty.ours], valkey: [empty.valkey] },
    },
  ];
}

/** From the start of the process to the first PONG. */
export async function measureStart(servers: Servers, pair: Pair, effort: Effort): Promise<Figure[]> {
  const runs: { ours: number[]; valkey: number[] } = { ours: [], valkey: [] };
  for (let run = 0; run < effort.runs; run++) {
    for (const which of ['valkey', 'ours'] as const) {
      const server = await servers.start(pair[which]);
      runs[which].push(server.startMs);
      await servers.stop(server);
    }
  }
  return [{ name: 'start time', unit: 'ms', ours: median(runs.ours), valkey: median(runs.valkey), runs }];
}

/** One run of the benchmark client; returns requests per second. */
async function benchmark(
  client: string,
  server: ServerProcess,
  { name, asks }: Workload,
  pipeline: number,
  requests: number,
): Promise<number> {
  const options: Record<string, string | number> = {
    '-h': '127.0.0.1',
    '-p': server.port,
    '-n': Math.round(requests),
    '-c': CLIENTS,
    '-P': pipeline,
    '-r': PRELOADED_KEYS,
    '-d': VALUE_BYTES,
  };
  const asked = 'test' in asks ? ['-t', asks.test] : asks.command;
  const args = [...Object.entries(options).flat().map(String), '--csv', ...asked];
  const output = await run(client, args, `${name} at pipeline ${pipeline} against ${server.name}`);
  // "test","rps",… and then a line per test, such as "SET","91324.20",…; of a command of ours the line begins with all of it.
  const line = output.split('\n').findLast((text) => text.startsWith('"') && !text.startsWith('"test"'));
  const rate = Number(/","(\d+\.\d+)"?/.exec(line ?? '')?.[1]);
  if (!(rate > 0)) throw new Error(`${client} gave no figure for ${name} against ${server.name}: ${output.trim()}`);
  return rate;
}

/** A run takes seconds; one that takes minutes is stuck. */
const CLIENT_TIMEOUT_MS = 180_000;

function run(program: string, args: readonly string[], what: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: CLIENT_TIMEOUT_MS });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      // The client ends with 0 after an error reply as well, and names it on either stream.
      const complaint = /^(?:Error|WARNING).*$/m.exec(errors + output)?.[0];
      if (code === 0 && !complaint?.startsWith('Error')) resolve(output);
      else reject(new Error(`${what} failed (${signal ?? `exit ${code}`}): ${complaint ?? errors.trim()}`));
    });
  });
}

/** What the workload finds before each run. */
async function prepare(server: ServerProcess, { before }: Workload): Promise<void> {
  if (before === undefined) return;
  const socket = await server.connect();
  try {
    for (const words of before) {
      await new Promise<void>((resolve, reject) => {
        socket.once('data', (chunk) =>
          chunk[0] === '-'.charCodeAt(0) ? reject(new Error(chunk.toString().slice(0, 200))) : resolve(),
        );
        socket.once('error', reject);
        socket.write(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`);
      });
      socket.removeAllListeners('error');
    }
  } finally {
    socket.destroy();
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
