/**
 * The workload checker: overwrites keys at a steady rate through a real cluster client and says what was lost or wrong.
 * SIGINT or SIGTERM ends the sending; what was written is read back all the same.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Redis } from 'iovalkey';
import { ClusterWriter, reasonOf } from './cluster-writer.ts';
import { PinnedWriter } from './pinned-writer.ts';
import type { LostCounts } from './report.ts';
import { asText, failures } from './report.ts';
import type { Shard } from './slots.ts';
import { SLOT_COUNT, shardsOf, slotTotal } from './slots.ts';
import { Workload } from './workload.ts';
import type { Address } from './writer.ts';

const USAGE = `usage: workload --target HOST:PORT[,HOST:PORT…] [options]
  --seconds N        how long to write (30)
  --rate N           writes a second, over all shards (500)
  --keys N           how many keys (1000)
  --clients N        writes under way at once, for each shard (32)
  --wait N           confirm each write with WAIT N on its own connection (0: not at all)
  --lost-counts WHAT which lost writes fail the run: acknowledged or confirmed
                     (confirmed with --wait: after a SIGKILL an unconfirmed write may be gone by right)
  --at-least N       fail below this percentage of the intended writes (80)
  --start-timeout N  seconds to wait for a cluster that serves all slots (10)
  --keep-keys        leave the keys in place
  --json             print the report as JSON
exit: 0 nothing wrong, 1 lost, wrong, unread or too few writes, 2 not run`;

/** Asking for the slot map again while the cluster is not there yet. */
const START_RETRY_DELAY_MS = 200;
const ASK_TIMEOUT_MS = 1_000;
/** The acknowledged write after which `writing` is printed: others may start their mischief. */
const WARM_WRITES = 1;

interface Arguments {
  readonly seeds: readonly Address[];
  readonly seconds: number;
  readonly rate: number;
  readonly keys: number;
  readonly clients: number;
  readonly wait: number;
  readonly lostCounts: LostCounts;
  readonly leastPercent: number;
  readonly startTimeoutSeconds: number;
  readonly keepKeys: boolean;
  readonly json: boolean;
}

class UsageError extends Error {}

function parseOptions(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        target: { type: 'string' },
        seconds: { type: 'string', default: '30' },
        rate: { type: 'string', default: '500' },
        keys: { type: 'string', default: '1000' },
        clients: { type: 'string', default: '32' },
        wait: { type: 'string', default: '0' },
        'lost-counts': { type: 'string' },
        'at-least': { type: 'string', default: '80' },
        'start-timeout': { type: 'string', default: '10' },
        'keep-keys': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(reasonOf(error));
  }
}

function readArguments(argv: readonly string[]): Arguments {
  const values = parseOptions(argv);
  if (values.target === undefined)
    throw new UsageError('--target is missing: give the address of a node, such as 127.0.0.1:7000');
  const wait = integer('wait', values.wait, 0, 16);
  const lostCounts = values['lost-counts'] ?? (wait > 0 ? 'confirmed' : 'acknowledged');
  if (lostCounts !== 'acknowledged' && lostCounts !== 'confirmed')
    throw new UsageError(`--lost-counts ${lostCounts}: is neither acknowledged nor confirmed`);
  if (lostCounts === 'confirmed' && wait === 0)
    throw new UsageError('--lost-counts confirmed needs --wait: without it nothing is confirmed');
  return {
    seeds: values.target.split(',').map(readAddress),
    seconds: integer('seconds', values.seconds, 1, 86_400),
    rate: integer('rate', values.rate, 1, 100_000),
    keys: integer('keys', values.keys, 100, 1_000_000),
    clients: integer('clients', values.clients, 1, 1_000),
    wait,
    lostCounts,
    leastPercent: integer('at-least', values['at-least'], 0, 100),
    startTimeoutSeconds: integer('start-timeout', values['start-timeout'], 0, 3_600),
    keepKeys: values['keep-keys'],
    json: values.json,
  };
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new UsageError(`--${name} ${text}: is not a whole number from ${least} to ${most}`);
  return value;
}

function readAddress(text: string): Address {
  const match = /^(.+):(\d{1,5})$/.exec(text.trim());
  if (match?.[1] === undefined) throw new UsageError(`--target ${text}: is not HOST:PORT`);
  return { host: match[1], port: integer('target', match[2] ?? '', 1, 65_535) };
}

/** The shards, once every slot has an owner. */
async function awaitShards(seeds: readonly Address[], timeoutSeconds: number): Promise<Shard[]> {
  const deadlineMs = performance.now() + timeoutSeconds * 1000;
  let reason = 'not asked yet';
  for (let turn = 0; ; turn++) {
    const seed = seeds[turn % seeds.length];
    if (seed === undefined) throw new UsageError('--target is empty');
    const node = new Redis({
      ...seed,
      lazyConnect: true,
      connectTimeout: ASK_TIMEOUT_MS,
      commandTimeout: ASK_TIMEOUT_MS,
      enableReadyCheck: false,
      retryStrategy: () => null,
    });
    node.on('error', () => {});
    try {
      const shards = shardsOf(await node.cluster('SLOTS'), seed.host);
      const covered = shards.reduce((sum, shard) => sum + slotTotal(shard.ranges), 0);
      if (covered === SLOT_COUNT) return shards;
      reason = `${covered} of ${SLOT_COUNT} slots have an owner`;
    } catch (error) {
      reason = reasonOf(error);
    } finally {
      node.disconnect();
    }
    if (performance.now() >= deadlineMs)
      throw new Error(`${seed.host}:${seed.port}: no cluster to write to after ${timeoutSeconds} s: ${reason}`);
    await sleep(START_RETRY_DELAY_MS);
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const args = readArguments(argv);
  const shards = await awaitShards(args.seeds, args.startTimeoutSeconds);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  const writer = args.wait > 0 ? new PinnedWriter(args.seeds, args.wait) : new ClusterWriter(args.seeds);
  await writer.open();
  const workload = new Workload(writer, {
    runId: randomBytes(6).toString('hex'),
    shards,
    keys: args.keys,
    ratePerSecond: args.rate,
    seconds: args.seconds,
    clients: args.clients,
    waitReplicas: args.wait,
    keepKeys: args.keepKeys,
    stop: stop.signal,
  });
  const started = setInterval(() => {
    if (workload.acknowledged < WARM_WRITES) return;
    clearInterval(started);
    process.stderr.write(`writing to ${shards.length} shards at ${args.rate}/s\n`);
  }, 10);
  const report = await workload.run();
  clearInterval(started);
  writer.close();
  const found = failures(report, args.lostCounts, args.leastPercent);
  process.stdout.write(
    args.json
      ? `${JSON.stringify({ passed: found.length === 0, failures: found, ...report })}\n`
      : asText(report, found),
  );
  return found.length === 0 ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(
      error instanceof UsageError ? `workload: ${error.message}\n${USAGE}\n` : `workload: ${reasonOf(error)}\n`,
    );
    process.exit(2);
  },
);
