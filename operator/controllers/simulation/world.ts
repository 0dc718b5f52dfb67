/**
 * A small cluster under virtual time, with the manners of the real one that matter to an operator: gossip that takes its
 * time, suspicion and failure by majority, elections, manual failover, atomic migration in jobs that may fail, restarts
 * with and without data, addresses that change. It is Platform and Admin at once, and it watches what it is told to do:
 * an order that no operator may give throws NeverEvent.
 */
import type { ValkeyCluster, ValkeyClusterStatus } from '../../api/index.ts';
import { parseCluster } from '../../api/index.ts';
import {
  type Address,
  type Admin,
  AdminError,
  type MigrationOrder,
  type RawReport,
  type ShardWorkload,
  SLOT_COUNT,
  type SlotRange,
  slotsOf,
} from '../../model/index.ts';
import type { Platform, PlatformEvent, PlatformNode, PlatformShard } from '../../platform/platform.ts';
import { type Job, type Known, SimulatedNode } from './node.ts';

const UID = 'sim-uid';
const TICK_MS = 100;
const NODE_TIMEOUT_MS = 2000;
const ELECTION_DELAY_MS = 1000;
const FORGET_BAN_MS = 60_000;
const SYNC_MS = 700;
const JOB_MS = 300;
const RESTART_MS = 1500;
/** Directives that the nodes know, and one that CONFIG SET refuses. */
const DIRECTIVES: Readonly<Record<string, string>> = { maxmemory: '0', 'tcp-backlog': '511' };
const START_ONLY = 'tcp-backlog';

/** The operator did what none may do. */
export class NeverEvent extends Error {
  override readonly name = 'NeverEvent';
}

interface SimulatedShard {
  readonly index: number;
  readonly uid: string;
  workload: ShardWorkload;
  nodes: number;
  readonly members: Map<number, SimulatedNode>;
}

export class World implements Platform, Admin {
  readonly kind = 'process';
  nowMs = 1_000_000;
  statusWrites = 0;
  acts = 0;
  movedSlots = 0;
  /** Nodes that were restarted by order, in that order. */
  readonly restarts: string[] = [];
  readonly events: PlatformEvent[] = [];
  /** Orders that none may give, so far: the controller catches the errors of its deeds, and must not hide these. */
  readonly nevers: string[] = [];
  readonly clock = { nowMs: (): number => this.nowMs };
  readonly shards = new Map<number, SimulatedShard>();
  /** Slots that were ever assigned hold keys: at least one living or stopped node must hold them for ever after. */
  readonly #written = new Uint8Array(SLOT_COUNT);
  #spec: Record<string, unknown>;
  #generation = 0;
  #status: ValkeyClusterStatus | undefined;
  #counter = 0;
  #failovers: { readonly replica: SimulatedNode; readonly atMs: number }[] = [];
  #elections = new Map<string, number>();
  readonly #random: () => number;

  constructor(spec: Record<string, unknown>, seed = 1) {
    this.#spec = spec;
    this.#random = mulberry(seed);
    this.want({});
  }

  // What a test does to the world.

  want(change: Record<string, unknown>): void {
    this.#spec = { ...this.#spec, ...change };
    this.#generation++;
  }

  nodes(): SimulatedNode[] {
    return [...this.shards.values()].flatMap((shard) => [...shard.members.values()]);
  }

  node(name: string): SimulatedNode {
    const found = this.nodes().find((node) => node.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  }

  primaryOf(shardIndex: number): SimulatedNode {
    const owner = [...this.shards.get(shardIndex)!.members.values()].find(
      (node) => this.#isUp(node) && node.role === 'primary' && node.ownsAny(),
    );
    if (owner === undefined) throw new Error(`shard ${shardIndex} has no primary`);
    return owner;
  }

  /** The process ends and is started again a while later; without persistence its dataset is gone and nodes.conf is kept. */
  crash(node: SimulatedNode, downMs: number): void {
    node.uid = this.#id('uid');
    node.upAtMs = this.nowMs + downMs;
    node.linkUpAtMs = Number.POSITIVE_INFINITY;
    node.greetings.length = 0;
    if (!this.#persistent()) {
      node.data.fill(0);
      node.candidate =
        node.role === 'primary' &&
        node.ownsAny() &&
        [...node.known.values()].some((other) => other.primaryId === node.id);
    }
  }

  /** The pod is made anew elsewhere: another address; with a volume it keeps its identity, without one it is a stranger. */
  replace(node: SimulatedNode, downMs: number): void {
    this.crash(node, downMs);
    node.address = this.#freshAddress();
    const shard = this.shards.get(node.shardIndex);
    if (shard !== undefined) this.#make(node, shard.workload);
    if (!this.#persistent()) node.becomeBlank(this.#id('node'));
  }

  /** The operator, and only it, does not reach the node for a while. */
  hide(node: SimulatedNode, forMs: number): void {
    node.unreachableUntilMs = this.nowMs + forMs;
  }

  advance(ms: number): void {
    for (const end = this.nowMs + ms; this.nowMs < end; ) {
      this.nowMs += TICK_MS;
      this.#tick();
    }
  }

  /** Slots that were written and that no owner holds. */
  lostSlots(): number {
    const owners = this.nodes().filter((node) => node.role === 'primary');
    let lost = 0;
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      if (this.#written[slot] === 1 && !owners.some((node) => node.owners[slot] === node.id && node.data[slot] === 1))
        lost++;
    }
    return lost;
  }

  // Platform.

  async readCluster(): Promise<ValkeyCluster> {
    const manifest = {
      apiVersion: 'keyherd.dev/v1alpha1',
      kind: 'ValkeyCluster',
      metadata: { name: 'sim', uid: UID, generation: this.#generation },
      spec: this.#spec,
    };
    const cluster = parseCluster(manifest, 'simulation');
    return this.#status === undefined ? cluster : { ...cluster, status: this.#status };
  }

  async listShards(): Promise<PlatformShard[]> {
    return [...this.shards.values()].map((shard) => ({
      shardIndex: shard.index,
      name: shard.workload.name,
      uid: shard.uid,
      nodes: shard.nodes,
      hash: shard.workload.hash,
      persistence: { mode: shard.workload.persistence.mode, size: shard.workload.persistence.size },
      deleting: false,
      members: [...shard.members.values()].map(
        (node): PlatformNode => ({
          name: node.name,
          uid: node.uid,
          ordinal: node.ordinal,
          phase: this.#isUp(node) ? 'Running' : 'Pending',
          address: node.address,
          ready: this.#isUp(node),
          outdated: node.restartHash !== shard.workload.restartHash,
          createdAtMs: node.createdAtMs,
        }),
      ),
    }));
  }

  async ensureShard(workload: ShardWorkload): Promise<void> {
    this.#assertMayAct('ensureShard');
    const present = this.shards.get(workload.shardIndex);
    if (present !== undefined) {
      present.workload = workload;
      return;
    }
    const shard: SimulatedShard = {
      index: workload.shardIndex,
      uid: this.#id('shard'),
      workload,
      nodes: workload.nodes,
      members: new Map(),
    };
    this.shards.set(workload.shardIndex, shard);
    this.#fill(shard);
  }

  async scaleShard(shardIndex: number, uid: string, nodes: number): Promise<void> {
    this.#assertMayAct('scaleShard');
    const shard = this.shards.get(shardIndex);
    if (shard?.uid !== uid) throw new Error('another shard');
    shard.nodes = nodes;
    for (const node of [...shard.members.values()].filter((member) => member.ordinal >= nodes)) {
      this.#assertDispensable(node, 'scaled away');
      shard.members.delete(node.ordinal);
    }
    this.#fill(shard);
  }

  async restartNode(shardIndex: number, name: string, uid: string): Promise<void> {
    this.#assertMayAct('restartNode');
    const shard = this.shards.get(shardIndex);
    const node = [...(shard?.members.values() ?? [])].find((member) => member.name === name);
    if (shard === undefined || node === undefined || node.uid !== uid) throw new Error('another node');
    const down = this.nodes().find((other) => !this.#isUp(other));
    if (down !== undefined) throw this.#never(`${name} is restarted while ${down.name} is down`);
    if (node.role === 'primary' && node.ownsAny()) {
      const follower = this.nodes().find((other) => other.primaryId === node.id && other.linkUpAtMs <= this.nowMs);
      if (follower !== undefined) throw this.#never(`${name} is restarted before it handed over to ${follower.name}`);
      if (!this.#persistent()) throw this.#never(`${name} is restarted and loses the only copy of its keys`);
    }
    this.crash(node, RESTART_MS);
    this.#make(node, shard.workload);
    this.restarts.push(name);
  }

  async deleteShard(shardIndex: number, uid: string): Promise<void> {
    this.#assertMayAct('deleteShard');
    const shard = this.shards.get(shardIndex);
    if (shard === undefined) return;
    if (shard.uid !== uid) throw new Error('another shard');
    for (const node of shard.members.values()) this.#assertDispensable(node, 'deleted');
    this.shards.delete(shardIndex);
  }

  async resolveImage(wanted: string): Promise<string> {
    return wanted === '' ? 'sim' : wanted;
  }

  async endpoint(): Promise<string> {
    return 'sim:6379';
  }

  selector(): string {
    return '';
  }

  async publishStatus(status: ValkeyClusterStatus): Promise<void> {
    this.statusWrites++;
    this.#status = status;
  }

  async publishEvent(event: PlatformEvent): Promise<void> {
    this.events.push(event);
  }

  // Admin.

  async report(at: Address, configNames: readonly string[]): Promise<RawReport> {
    const node = this.#reach(at, 'report');
    const jobs = this.nodes()
      .flatMap((other) => other.jobs)
      .filter((job) => job.sourceId === node.id || job.targetId === node.id)
      .reverse();
    const raw = node.report(UID, this.nowMs, jobs);
    return {
      ...raw,
      config: Object.fromEntries(Object.entries(raw.config).filter(([name]) => configNames.includes(name))),
    };
  }

  async meet(at: Address, target: Address): Promise<void> {
    this.#command(at, 'CLUSTER MEET').greetings.push({ address: target, untilMs: this.nowMs + NODE_TIMEOUT_MS });
  }

  async addSlots(at: Address, ranges: readonly SlotRange[]): Promise<void> {
    const node = this.#command(at, 'CLUSTER ADDSLOTSRANGE');
    const slots = [...slotsOf(ranges)];
    const busy = slots.find((slot) => node.owners[slot] !== null);
    if (busy !== undefined)
      throw new AdminError('refused', 'CLUSTER ADDSLOTSRANGE', at, `ERR Slot ${busy} is already busy`);
    for (const slot of slots) {
      const holder = this.nodes().find((other) => other.data[slot] === 1 && other !== node);
      if (holder !== undefined)
        throw this.#never(`slot ${slot} is assigned to ${node.name} anew while ${holder.name} holds its keys`);
      node.data[slot] = 1;
      this.#written[slot] = 1;
    }
    node.claim(slots);
  }

  async replicate(at: Address, primaryId: string): Promise<void> {
    const node = this.#command(at, 'CLUSTER REPLICATE');
    if (!node.known.has(primaryId))
      throw new AdminError('refused', 'CLUSTER REPLICATE', at, `ERR Unknown node ${primaryId}`);
    if (node.ownsAny() || (node.role === 'primary' && node.keys() > 0))
      throw new AdminError(
        'refused',
        'CLUSTER REPLICATE',
        at,
        'ERR To set a primary the node must be empty and without assigned slots.',
      );
    this.#follow(node, primaryId);
  }

  async migrateSlots(at: Address, orders: readonly MigrationOrder[]): Promise<void> {
    const node = this.#command(at, 'CLUSTER MIGRATESLOTS');
    if (node.jobs.some((job) => job.state === 'snapshotting'))
      throw this.#never(`a second migration is started at ${node.name}`);
    for (const { ranges, targetId } of orders) {
      const target = this.nodes().find((other) => other.id === targetId);
      const followers = this.nodes().filter(
        (other) => other.primaryId === targetId && other.linkUpAtMs <= this.nowMs && this.#isUp(other),
      );
      if (followers.length < Number(this.#spec.replicas ?? 1))
        throw this.#never(`slots move to ${target?.name} with ${followers.length} replicas in sync`);
      if (![...slotsOf(ranges)].every((slot) => node.owners[slot] === node.id))
        throw new AdminError('refused', 'CLUSTER MIGRATESLOTS', at, 'ERR slot not owned');
      node.jobs.push({
        name: this.#id('job'),
        sourceId: node.id,
        targetId,
        ranges,
        endsAtMs: this.nowMs + JOB_MS + Math.floor(this.#random() * JOB_MS),
        state: 'snapshotting',
      });
    }
  }

  async cancelSlotMigrations(at: Address): Promise<void> {
    for (const job of this.#command(at, 'CLUSTER CANCELSLOTMIGRATIONS').jobs)
      if (job.state === 'snapshotting') job.state = 'cancelled';
  }

  async failover(at: Address, mode: 'graceful' | 'takeover'): Promise<void> {
    const node = this.#command(at, 'CLUSTER FAILOVER');
    if (node.role !== 'replica')
      throw new AdminError('refused', 'CLUSTER FAILOVER', at, 'ERR You should send CLUSTER FAILOVER to a replica');
    if (mode === 'graceful') {
      this.#failovers.push({ replica: node, atMs: this.nowMs + 300 });
      return;
    }
    const primary = this.nodes().find((other) => other.id === node.primaryId);
    if (primary !== undefined && this.#isUp(primary) && primary.isOk() && !this.#restartedBlank(primary))
      throw this.#never(`${node.name} takes over from ${primary.name}, which serves`);
    this.#promote(node);
  }

  async forget(at: Address, nodeId: string): Promise<void> {
    const node = this.#command(at, 'CLUSTER FORGET');
    const follower = this.nodes().find((other) => other.primaryId === nodeId && other.role === 'replica');
    if (follower !== undefined) throw this.#never(`${nodeId} is forgotten while ${follower.name} follows it`);
    const living = this.nodes().find((other) => other.id === nodeId);
    if (living !== undefined) throw this.#never(`${living.name} is forgotten while it lives`);
    node.known.delete(nodeId);
    node.owners.forEach((owner, slot) => {
      if (owner === nodeId) node.owners[slot] = null;
    });
    node.banned.set(nodeId, this.nowMs + FORGET_BAN_MS);
  }

  async flushAll(at: Address): Promise<void> {
    const node = this.#command(at, 'FLUSHALL');
    this.#assertDispensable(node, 'flushed');
    node.data.fill(0);
  }

  async resetHard(at: Address): Promise<void> {
    const node = this.#command(at, 'CLUSTER RESET');
    this.#assertDispensable(node, 'reset');
    if (node.role === 'primary' && node.keys() > 0)
      throw new AdminError(
        'refused',
        'CLUSTER RESET',
        at,
        "ERR CLUSTER RESET can't be called with master nodes containing keys",
      );
    node.becomeBlank(this.#id('node'));
    this.#cutLinks(node);
  }

  async configSet(at: Address, directives: Readonly<Record<string, string>>): Promise<void> {
    const node = this.#command(at, 'CONFIG SET');
    if (START_ONLY in directives)
      throw new AdminError(
        'refused',
        'CONFIG SET',
        at,
        `ERR CONFIG SET failed (possibly related to argument '${START_ONLY}') - can't set immutable config`,
      );
    Object.assign(node.config, directives);
  }

  // The never rules that concern whole nodes.

  #never(what: string): NeverEvent {
    this.nevers.push(what);
    return new NeverEvent(what);
  }

  #assertMayAct(what: string): void {
    this.acts++;
    if (this.#spec.paused === true) throw this.#never(`${what} while paused`);
  }

  /** Nothing is lost with the node: it owns no slot, and of every slot that it holds there is another copy at the owner. */
  #assertDispensable(node: SimulatedNode, fate: string): void {
    if (node.role === 'primary' && node.ownsAny() && !this.#isOverruled(node))
      throw this.#never(`${node.name} is ${fate} while it owns slots`);
    const others = this.nodes().filter((other) => other !== node && other.role === 'primary');
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      if (node.data[slot] === 1 && !others.some((other) => other.data[slot] === 1))
        throw this.#never(`${node.name} is ${fate} with the only copy of slot ${slot}`);
    }
  }

  /** Its claims are older than another primary's: it only does not know yet. */
  #isOverruled(node: SimulatedNode): boolean {
    return node
      .owned()
      .every((slot) =>
        this.nodes().some((other) => other !== node && other.owners[slot] === other.id && other.epoch > node.epoch),
      );
  }

  // How the simulated nodes behave.

  #tick(): void {
    for (const shard of this.shards.values()) this.#fill(shard);
    const up = this.nodes().filter((node) => this.#isUp(node));
    for (const node of up) this.#greet(node);
    for (const node of up) this.#gossip(node);
    for (const node of up) this.#suspect(node);
    for (const node of up) this.#synchronise(node);
    for (const node of up) this.#elect(node);
    for (const { replica, atMs } of this.#failovers) if (atMs <= this.nowMs) this.#handOver(replica);
    this.#failovers = this.#failovers.filter(({ atMs }) => atMs > this.nowMs);
    for (const node of this.nodes()) for (const job of node.jobs) this.#run(node, job);
  }

  #greet(node: SimulatedNode): void {
    for (let index = node.greetings.length - 1; index >= 0; index--) {
      const greeting = node.greetings[index]!;
      const other = this.#upAt(greeting.address);
      if (other !== undefined && this.#random() < 0.7) {
        this.#learn(node, other);
        this.#learn(other, node);
        node.banned.delete(other.id);
        node.greetings.splice(index, 1);
      } else if (greeting.untilMs <= this.nowMs) node.greetings.splice(index, 1);
    }
  }

  #learn(node: SimulatedNode, other: SimulatedNode): void {
    const entry = node.known.get(other.id);
    if (entry === undefined)
      node.known.set(other.id, {
        address: other.address,
        role: other.role,
        primaryId: other.primaryId,
        epoch: other.epoch,
        suspected: false,
        failed: false,
        noAddress: false,
        connected: true,
        lostSinceMs: null,
        claimsSeen: 0,
      });
    else Object.assign(entry, { address: other.address, noAddress: false });
  }

  /** Talks with whom it knows and reaches; a message takes a tick or several. */
  #gossip(node: SimulatedNode): void {
    for (const [id, entry] of [...node.known]) {
      const other = this.#upAt(entry.address);
      const reached = !entry.noAddress && other !== undefined && other.id === id && !other.candidate;
      entry.connected = reached;
      if (other !== undefined && other.id !== id && !entry.noAddress && !other.candidate) entry.noAddress = true;
      if (!reached) {
        entry.lostSinceMs ??= this.nowMs;
        continue;
      }
      entry.lostSinceMs = null;
      entry.suspected = false;
      entry.failed = false;
      if (this.#random() < 0.6) this.#hear(node, entry, other);
      // A candidate listens and is silent.
      if (node.candidate) continue;
      // The other hears of this node's address, if it knows it at all.
      const mirrored = other.known.get(node.id);
      if (mirrored !== undefined) Object.assign(mirrored, { address: node.address, noAddress: false });
    }
  }

  #hear(node: SimulatedNode, entry: Known, other: SimulatedNode): void {
    entry.role = other.role;
    entry.primaryId = other.primaryId;
    entry.epoch = other.epoch;
    if (entry.claimsSeen !== other.claimsVersion && other.role === 'primary') {
      entry.claimsSeen = other.claimsVersion;
      this.#takeClaims(node, other);
    }
    for (const [id, heard] of other.known) {
      if (id === node.id || (node.banned.get(id) ?? 0) > this.nowMs) continue;
      const mine = node.known.get(id);
      if (mine === undefined && !heard.failed && !heard.noAddress && heard.connected)
        node.known.set(id, { ...heard, claimsSeen: 0, lostSinceMs: null, suspected: false });
      else if (mine !== undefined && !mine.connected && heard.connected)
        Object.assign(mine, { address: heard.address, noAddress: false });
    }
  }

  /** A claim with a higher epoch wins; a primary that lost everything to one of its own replicas follows it. */
  #takeClaims(node: SimulatedNode, claimant: SimulatedNode): void {
    const ownedBefore = node.role === 'primary' && node.ownsAny();
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const owner = node.owners[slot];
      const claimed = claimant.owners[slot] === claimant.id;
      if (claimed && owner !== claimant.id) {
        const holderEpoch =
          owner === null || owner === undefined
            ? -1
            : owner === node.id
              ? node.epoch
              : (node.known.get(owner)?.epoch ?? -1);
        if (claimant.epoch > holderEpoch) node.owners[slot] = claimant.id;
      } else if (!claimed && owner === claimant.id) node.owners[slot] = claimant.owners[slot] ?? null;
    }
    if (ownedBefore && !node.ownsAny() && claimant.shardIndex === node.shardIndex) this.#follow(node, claimant.id);
    if (ownedBefore && !node.ownsAny()) node.claimsVersion++;
    const followed = node.primaryId === null ? undefined : node.known.get(node.primaryId);
    if (
      node.role === 'replica' &&
      followed !== undefined &&
      claimant.shardIndex === node.shardIndex &&
      claimant.id !== node.primaryId &&
      !node.owners.includes(node.primaryId)
    )
      this.#follow(node, claimant.id);
    if (node.role === 'primary')
      for (let slot = 0; slot < SLOT_COUNT; slot++)
        if (node.owners[slot] !== node.id && node.owners[slot] !== null) node.data[slot] = 0;
  }

  #suspect(node: SimulatedNode): void {
    for (const [id, entry] of node.known) {
      entry.suspected = entry.lostSinceMs !== null && this.nowMs - entry.lostSinceMs > NODE_TIMEOUT_MS;
      if (!entry.suspected) continue;
      const voters = this.#voters(node);
      const accusers = voters
        .filter((voter) => voter.id === node.id || this.#isUp(voter))
        .filter((voter) => voter.id !== id && (voter.known.get(id)?.suspected || voter.known.get(id)?.failed));
      if (accusers.length >= Math.floor(this.#voterIds(node).length / 2) + 1) entry.failed = true;
    }
  }

  #voterIds(node: SimulatedNode): string[] {
    return [...new Set(node.owners)].filter((id) => id !== null);
  }

  #voters(node: SimulatedNode): SimulatedNode[] {
    return this.#voterIds(node).flatMap((id) =>
      this.nodes().filter((other) => other.id === id && this.#isUp(other) && !other.candidate),
    );
  }

  #synchronise(node: SimulatedNode): void {
    if (node.role !== 'replica') return;
    const entry = node.known.get(node.primaryId!);
    const primary = entry === undefined ? undefined : this.#upAt(entry.address);
    const linked =
      primary !== undefined && primary.id === node.primaryId && primary.role === 'primary' && !primary.candidate;
    if (!linked) node.linkUpAtMs = Number.POSITIVE_INFINITY;
    else if (node.linkUpAtMs === Number.POSITIVE_INFINITY) node.linkUpAtMs = this.nowMs + SYNC_MS;
    else if (node.linkUpAtMs <= this.nowMs) node.data.set(primary.data);
  }

  /** A replica of a failed primary stands when a majority can vote; the furthest of them wins. */
  #elect(node: SimulatedNode): void {
    if (node.role !== 'replica') return;
    const primaryId = node.primaryId!;
    if (node.known.get(primaryId)?.failed !== true || !node.owners.includes(primaryId)) {
      this.#elections.delete(node.id);
      return;
    }
    const sinceMs = this.#elections.get(node.id) ?? this.nowMs;
    this.#elections.set(node.id, sinceMs);
    const voters = this.#voters(node).filter((voter) => voter.known.get(primaryId)?.failed);
    const rivals = this.nodes().filter(
      (other) =>
        this.#isUp(other) &&
        other.primaryId === primaryId &&
        (other.keys() > node.keys() || (other.keys() === node.keys() && other.ordinal < node.ordinal)),
    );
    if (
      this.nowMs - sinceMs >= ELECTION_DELAY_MS &&
      rivals.length === 0 &&
      node.keys() > 0 &&
      voters.length >= Math.floor(this.#voterIds(node).length / 2) + 1
    )
      this.#promote(node);
  }

  #handOver(replica: SimulatedNode): void {
    const primary = this.nodes().find((other) => other.id === replica.primaryId);
    if (
      !this.#isUp(replica) ||
      replica.role !== 'replica' ||
      primary === undefined ||
      !this.#isUp(primary) ||
      replica.linkUpAtMs > this.nowMs
    )
      return;
    replica.data.set(primary.data);
    this.#promote(replica);
    for (const job of primary.jobs) if (job.state === 'snapshotting') job.state = 'failed';
    // The old primary hears of it at once: it is paused and waits for nothing else.
    this.#takeClaims(primary, replica);
  }

  #promote(node: SimulatedNode): void {
    const slots = node.slotsOf(node.primaryId!);
    node.role = 'primary';
    node.primaryId = null;
    node.epoch = this.#nextEpoch();
    node.claim(slots);
  }

  #follow(node: SimulatedNode, primaryId: string): void {
    node.role = 'replica';
    node.primaryId = primaryId;
    node.candidate = false;
    node.linkUpAtMs = Number.POSITIVE_INFINITY;
    node.claimsVersion++;
  }

  #run(source: SimulatedNode, job: Job): void {
    if (job.state !== 'snapshotting') return;
    const target = this.nodes().find((node) => node.id === job.targetId);
    if (
      target === undefined ||
      !this.#isUp(source) ||
      !this.#isUp(target) ||
      source.id !== job.sourceId ||
      source.role !== 'primary' ||
      target.role !== 'primary'
    ) {
      job.state = 'failed';
      return;
    }
    if (job.endsAtMs > this.nowMs) return;
    if (this.#random() < 0.05) {
      job.state = 'failed';
      return;
    }
    const slots = [...slotsOf(job.ranges)];
    target.epoch = this.#nextEpoch();
    for (const slot of slots) {
      target.data[slot] = source.data[slot]!;
      source.data[slot] = 0;
      source.owners[slot] = target.id;
    }
    target.claim(slots);
    source.claimsVersion++;
    const seen = source.known.get(target.id);
    if (seen !== undefined) seen.epoch = target.epoch;
    this.movedSlots += slots.length;
    job.state = 'success';
  }

  #restartedBlank(node: SimulatedNode): boolean {
    return node.ownsAny() && node.keys() === 0;
  }

  // Bookkeeping.

  /** A node is made from the present form of its workload. */
  #make(node: SimulatedNode, { restartHash, directives }: ShardWorkload): void {
    node.restartHash = restartHash;
    node.config = { ...DIRECTIVES };
    for (const name of Object.keys(DIRECTIVES))
      if (directives[name] !== undefined) node.config[name] = directives[name];
  }

  #fill(shard: SimulatedShard): void {
    for (let ordinal = 0; ordinal < shard.nodes; ordinal++) {
      if (shard.members.has(ordinal)) continue;
      const node = new SimulatedNode(
        `${shard.workload.name}-${ordinal}`,
        shard.index,
        ordinal,
        this.#freshAddress(),
        this.#id('node'),
        this.#id('uid'),
        this.nowMs,
        this.nowMs + 300 + Math.floor(this.#random() * 500),
      );
      this.#make(node, shard.workload);
      shard.members.set(ordinal, node);
    }
  }

  #cutLinks(node: SimulatedNode): void {
    for (const other of this.nodes())
      if (other.primaryId !== null && other.primaryId === node.id) other.linkUpAtMs = Number.POSITIVE_INFINITY;
  }

  #isUp(node: SimulatedNode): boolean {
    return node.upAtMs <= this.nowMs;
  }

  #upAt(address: Address): SimulatedNode | undefined {
    return this.nodes().find(
      (node) => node.address.host === address.host && node.address.port === address.port && this.#isUp(node),
    );
  }

  #reach(at: Address, command: string): SimulatedNode {
    const node = this.#upAt(at);
    if (node === undefined || node.unreachableUntilMs > this.nowMs)
      throw new AdminError('unreachable', command, at, 'connection refused');
    return node;
  }

  #command(at: Address, command: string): SimulatedNode {
    this.#assertMayAct(command);
    return this.#reach(at, command);
  }

  #persistent(): boolean {
    return (this.#spec.persistence as { mode?: string } | undefined)?.mode !== 'None';
  }

  #nextEpoch(): number {
    return Math.max(...this.nodes().map((node) => node.epoch)) + 1;
  }

  #freshAddress(): Address {
    this.#counter++;
    return { host: `10.0.${Math.floor(this.#counter / 250)}.${this.#counter % 250}`, port: 6379, busPort: 16379 };
  }

  #id(kind: string): string {
    this.#counter++;
    return kind === 'node' || kind === 'job'
      ? `${kind[0]}${this.#counter}`.padStart(40, '0')
      : `${kind}-${this.#counter}`;
  }
}

/** A small seeded generator (mulberry32): the world's own chance. */
function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
