/**
 * A node's cluster state machine on real sockets among real valkey-servers: they gossip with it, it votes for them, they
 * vote for it. The dataset is left out: what is tested is the bus. Skipped with a line when there is no valkey-server 9.1.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findCli, findValkeyServer } from '../../tools/valkey.ts';
import { BusTransport } from '../network/bus.ts';
import { addSlots, meet, replicate } from './administration.ts';
import { Cluster } from './cluster.ts';
import { TICK_MS } from './limits.ts';
import { startManualFailover } from './manual-failover.ts';
import { defaultSettings } from './settings.ts';
import { nodesText } from './views.ts';

const valkey = findValkeyServer();
const cli = findCli();
const here = valkey !== null && cli !== null;
if (!here) process.stdout.write('skipped: no valkey-server 9.1 and redis-cli to join on the cluster bus\n');

const NODE_TIMEOUT_MS = 1000;
const BUS_OFFSET = 10_000;
const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within 20 s: ${what}`);
}

/** A real server, and its answers. */
class RealNode {
  readonly port: number;
  private child: ChildProcess | null = null;
  private readonly folder = mkdtempSync(join(tmpdir(), 'keyherd-bus-'));

  constructor(port: number) {
    this.port = port;
    this.start();
    open.push(() => {
      this.kill();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  start(): void {
    const args = [
      '--port',
      `${this.port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      this.folder,
      '--cluster-enabled',
      'yes',
      '--save',
      '',
    ];
    this.child = spawn(valkey!.path, [...args, '--cluster-node-timeout', `${NODE_TIMEOUT_MS}`], { stdio: 'ignore' });
  }

  kill(): void {
    this.child?.kill('SIGKILL');
  }

  ask(...words: (string | number)[]): string {
    try {
      return execFileSync(cli!.path, ['-p', `${this.port}`, ...words.map(String)], {
        encoding: 'utf8',
        stdio: 'pipe',
      }).trim();
    } catch {
      return '';
    }
  }
}

/** Our state machine with its transport; effects on data are recorded. */
class OwnNode {
  readonly cluster: Cluster;
  readonly port: number;
  readonly calls: string[] = [];
  offset = 0;
  private readonly bus: BusTransport;
  private replicates = false;

  constructor(port: number) {
    this.port = port;
    const record =
      (name: string) =>
      (...given: readonly unknown[]): void => {
        this.calls.push(
          `${name}(${given.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString() : value)).join(',')})`,
        );
      };
    const cluster = new Cluster(
      {
        settings: { ...defaultSettings(port), nodeTimeoutMs: NODE_TIMEOUT_MS },
        random: { uint32: () => Math.floor(Math.random() * 2 ** 32) },
        replication: { offset: () => this.offset, hasPrimary: () => this.replicates, dataAgeMs: () => 0 },
        keyspace: { keysInSlot: () => 0, isEmpty: () => true },
        effects: {
          connect: (host, busPort) => this.bus.connect(host, busPort),
          send: (link, packet) => this.bus.send(link, packet),
          closeLink: (link) => this.bus.closeLink(link),
          queuedBytes: (link) => this.bus.queuedBytes(link),
          saveConfig: (sequence) => setImmediate(() => cluster.onConfigSaved(Date.now(), sequence)),
          tickAfterSockets: () => setImmediate(() => cluster.tick(Date.now())),
          runSoon: () => setImmediate(() => cluster.onSoon(Date.now())),
          becomeReplicaOf: (...address) => {
            this.replicates = true;
            record('becomeReplicaOf')(...address);
          },
          becomePrimary: () => {
            this.replicates = false;
            record('becomePrimary')();
          },
          pauseWrites: record('pauseWrites'),
          resumeWrites: record('resumeWrites'),
          flushSlotKeys: record('flushSlotKeys'),
          flushAllKeys: record('flushAllKeys'),
          dropShardChannels: () => {},
          publish: record('publish'),
          log: () => {},
        },
      },
      Date.now(),
      '',
    );
    this.cluster = cluster;
    this.bus = new BusTransport(
      {
        onLinkAccepted: (...link) => cluster.onLinkAccepted(Date.now(), ...link),
        onLinkUp: (...link) => cluster.onLinkUp(Date.now(), ...link),
        onLinkDown: (...link) => cluster.onLinkDown(Date.now(), ...link),
        onPacket: (...packet) => cluster.onPacket(Date.now(), ...packet),
      },
      { keepAliveMs: 10_000 },
    );
    open.push(() => this.bus.close());
  }

  async start(): Promise<this> {
    this.cluster.start(Date.now(), { loaded: false, offset: 0 });
    await this.bus.listen('127.0.0.1', this.port + BUS_OFFSET);
    const timer = setInterval(() => this.cluster.tick(Date.now()), TICK_MS);
    open.push(() => clearInterval(timer));
    return this;
  }

  command(make: Parameters<Cluster['run']>[1]): void {
    expect(this.cluster.run(Date.now(), make)).toBeNull();
  }
}

/** Two real primaries, ours as the third, and a real replica of the first. */
async function mixedCluster(base: number): Promise<{ real: [RealNode, RealNode, RealNode]; own: OwnNode }> {
  const real: [RealNode, RealNode, RealNode] = [new RealNode(base), new RealNode(base + 1), new RealNode(base + 2)];
  const own = await new OwnNode(base + 3).start();
  await until('the servers answer', () => real.every((node) => node.ask('ping') === 'PONG'));
  real[0].ask('cluster', 'addslotsrange', 0, 5000);
  real[1].ask('cluster', 'addslotsrange', 5001, 10_000);
  own.command((state) =>
    addSlots(
      state,
      Array.from({ length: 6383 }, (_, index) => 10_001 + index),
    ),
  );
  for (const other of real.slice(1)) real[0].ask('cluster', 'meet', '127.0.0.1', other.port);
  own.command((state) => meet(state, '127.0.0.1', real[0].port, real[0].port + BUS_OFFSET));
  await until(
    'all call the cluster ok',
    () => own.cluster.isOk && real.every((node) => node.ask('cluster', 'info').startsWith('cluster_state:ok')),
  );
  await until(
    'the replica knows its primary',
    () => real[2].ask('cluster', 'replicate', real[0].ask('cluster', 'myid')) === 'OK',
  );
  await until('the replica is online', () => real[0].ask('role').includes(`${real[2].port}`));
  return { real, own };
}

describe.skipIf(!here)('among real valkey-servers', () => {
  test('it gossips, sees a primary fail, votes for its replica, and takes the old primary back', async () => {
    const { real, own } = await mixedCluster(17_640);
    const { state } = own.cluster;
    const view = nodesText(state, false);
    for (const node of real) expect(view).toContain(`127.0.0.1:${node.port}@${node.port + BUS_OFFSET}`);
    await until('everybody knows the replica', () => state.nodes.all().filter((node) => node.isReplica).length === 1);
    const failed = state.nodes.find(real[0].ask('cluster', 'myid'))!;
    const replica = state.nodes.find(real[2].ask('cluster', 'myid'))!;
    real[0].kill();
    await until('the failure is agreed upon', () => failed.isFailed || replica.isPrimary);
    await until('the replica has taken over', () => replica.isPrimary && replica.slotCount === 5001);
    expect(state.lastVoteEpoch).toBeGreaterThan(0);
    expect(state.lastVoteEpoch).toBe(replica.configEpoch);
    real[0].start();
    await until('the old primary follows the new one', () => failed.replicaOf === replica && !failed.isFailed);
    await until('the cluster is ok', () => own.cluster.isOk);
  });

  test('it is elected: by agreement with a real primary, and against a dead one', async () => {
    const { real, own } = await mixedCluster(17_645);
    const heir = await new OwnNode(17_649).start();
    heir.command((state) => meet(state, '127.0.0.1', real[1].port, real[1].port + BUS_OFFSET));
    const id = real[1].ask('cluster', 'myid');
    await until('it knows the primary', () => heir.cluster.state.nodes.find(id)?.slotCount === 5000);
    heir.command((state) => replicate(state, id));
    expect(heir.calls).toContain(`becomeReplicaOf(127.0.0.1,${real[1].port},true)`);
    await until('its primary knows it', () => real[1].ask('cluster', 'replicas', id).includes(`:${heir.port}@`));
    heir.offset = Number(/master_repl_offset:(\d+)/.exec(real[1].ask('info', 'replication'))![1]);
    heir.command((state) => startManualFailover(state, 'agreed'));
    await until('it took over', () => heir.cluster.myself.isPrimary && heir.cluster.myself.slotCount === 5000);
    await until('the real primary follows', () => real[1].ask('role').startsWith('slave'));

    const second = await new OwnNode(17_644).start();
    second.command((state) => meet(state, '127.0.0.1', real[0].port, real[0].port + BUS_OFFSET));
    const first = real[0].ask('cluster', 'myid');
    await until('it knows the primary', () => second.cluster.state.nodes.find(first)?.slotCount === 5001);
    second.command((state) => replicate(state, first));
    real[2].kill();
    await until('its primary knows it', () => real[0].ask('cluster', 'replicas', first).includes(`:${second.port}@`));
    second.offset = 1000;
    real[0].kill();
    await until('it is elected', () => second.cluster.myself.isPrimary && second.cluster.myself.slotCount === 5001);
    await until('ours sees it', () => own.cluster.state.ownerOf(0)?.name === second.cluster.myself.name);
  });

  test('messages published on either side arrive on the other', async () => {
    const { real, own } = await mixedCluster(17_650);
    real[1].ask('publish', 'channel', 'from them');
    await until('theirs arrives', () => own.calls.includes('publish(channel,from them,false)'));
    const before = Number(
      /cluster_stats_messages_publish_received:(\d+)/.exec(real[1].ask('cluster', 'info'))?.[1] ?? 0,
    );
    own.cluster.publish(Date.now(), Buffer.from('channel'), Buffer.from('from us'), false);
    await until(
      'ours arrives',
      () =>
        Number(/cluster_stats_messages_publish_received:(\d+)/.exec(real[1].ask('cluster', 'info'))?.[1] ?? 0) > before,
    );
  });
});
