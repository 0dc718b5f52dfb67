/**
 * A node of the simulated cluster: what it remembers (nodes.conf, its dataset), and its words as CLUSTER NODES and INFO
 * give them. Its dataset is one bit a slot: it holds the slot's keys or it does not.
 */
import {
  type Address,
  announcedNodename,
  type RawMigration,
  type RawReport,
  SLOT_COUNT,
  type SlotRange,
  showRange,
} from '../../model/index.ts';

/** What a node knows of another. */
export interface Known {
  address: Address;
  role: 'primary' | 'replica';
  primaryId: string | null;
  epoch: number;
  suspected: boolean;
  failed: boolean;
  noAddress: boolean;
  connected: boolean;
  /** Since when it was not reached. */
  lostSinceMs: number | null;
  /** The version of the other's claims that was taken over last. */
  claimsSeen: number;
}

export interface Job {
  readonly name: string;
  readonly sourceId: string;
  readonly targetId: string;
  readonly ranges: readonly SlotRange[];
  readonly endsAtMs: number;
  state: 'snapshotting' | 'success' | 'failed' | 'cancelled';
}

export class SimulatedNode {
  readonly name: string;
  readonly shardIndex: number;
  readonly ordinal: number;
  address: Address;
  uid: string;
  createdAtMs: number;
  /** When it begins to answer; Infinity while it is stopped. */
  upAtMs: number;
  /** The operator cannot reach it until then; its peers can. */
  unreachableUntilMs = 0;

  id: string;
  role: 'primary' | 'replica' = 'primary';
  primaryId: string | null = null;
  epoch = 0;
  known = new Map<string, Known>();
  readonly greetings: { readonly address: Address; readonly untilMs: number }[] = [];
  banned = new Map<string, number>();
  /** Who owns each slot, as it sees it. */
  owners: (string | null)[] = new Array<string | null>(SLOT_COUNT).fill(null);
  /** Grows whenever its own claims change. */
  claimsVersion = 1;

  /** One bit a slot. */
  data = new Uint8Array(SLOT_COUNT);
  linkUpAtMs = Number.POSITIVE_INFINITY;
  /** It restarted as an owner without its dataset: silent until a replica takes over. */
  candidate = false;
  jobs: Job[] = [];
  config: Record<string, string> = {};
  /** ShardWorkload.restartHash of the workload that it was made from. */
  restartHash = '';

  constructor(
    name: string,
    shardIndex: number,
    ordinal: number,
    address: Address,
    id: string,
    uid: string,
    nowMs: number,
    upAtMs: number,
  ) {
    this.name = name;
    this.shardIndex = shardIndex;
    this.ordinal = ordinal;
    this.address = address;
    this.id = id;
    this.uid = uid;
    this.createdAtMs = nowMs;
    this.upAtMs = upAtMs;
  }

  owned(): number[] {
    return this.slotsOf(this.id);
  }

  slotsOf(id: string): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < SLOT_COUNT; slot++) if (this.owners[slot] === id) slots.push(slot);
    return slots;
  }

  ownsAny(): boolean {
    return this.owners.includes(this.id);
  }

  claim(slots: Iterable<number>): void {
    for (const slot of slots) this.owners[slot] = this.id;
    this.claimsVersion++;
  }

  /** CLUSTER RESET HARD. */
  becomeBlank(id: string): void {
    this.id = id;
    this.role = 'primary';
    this.primaryId = null;
    this.epoch = 0;
    this.known = new Map();
    this.greetings.length = 0;
    this.banned = new Map();
    this.owners.fill(null);
    this.claimsVersion++;
    this.data.fill(0);
    this.jobs = [];
    this.candidate = false;
  }

  report(clusterUid: string, nowMs: number, jobs: readonly Job[]): RawReport {
    const ranges = this.#ranges();
    const written = (id: string) => (ranges.get(id) ?? []).map((range) => ` ${showRange(range)}`).join('');
    const show = ({ host, port, busPort }: Address) => `${host}:${port}@${busPort}`;
    const lines = [
      `${this.id} ${show(this.address)} myself,${this.role === 'replica' ? 'slave' : 'master'} ${this.primaryId ?? '-'} 0 0 ${this.epoch} connected${written(this.id)}`,
    ];
    for (const [id, other] of this.known) {
      const flags = [
        other.role === 'replica' ? 'slave' : 'master',
        ...(other.failed ? ['fail'] : other.suspected ? ['fail?'] : []),
        ...(other.noAddress ? ['noaddr'] : []),
      ];
      lines.push(
        `${id} ${show(other.address)} ${flags.join(',')} ${other.primaryId ?? '-'} 0 0 ${other.epoch} ${other.connected ? 'connected' : 'disconnected'}${written(id)}`,
      );
    }
    for (const [index, greeting] of this.greetings.entries()) {
      lines.push(`${String(index).padStart(40, 'f')} ${show(greeting.address)} handshake - 0 0 0 disconnected`);
    }
    const keys = this.keys();
    const replica = this.role === 'replica';
    return {
      info: [
        'loading:0',
        'used_memory:1000000',
        'maxmemory:0',
        `role:${replica ? 'slave' : 'master'}`,
        `master_link_status:${this.linkUpAtMs <= nowMs ? 'up' : 'down'}`,
        `slave_repl_offset:${keys}`,
        `master_repl_offset:${keys}`,
        ...(keys > 0 ? [`db0:keys=${keys},expires=0`] : []),
      ].join('\r\n'),
      clusterNodes: `${lines.join('\n')}\n`,
      clusterInfo: `cluster_state:${this.isOk() ? 'ok' : 'fail'}\r\ncluster_current_epoch:${this.epoch}`,
      shardId: `${this.shardIndex}`.padStart(40, '0'),
      slotMigrations: jobs.map(
        (job): RawMigration => ({
          name: job.name,
          operation: job.sourceId === this.id ? 'EXPORT' : 'IMPORT',
          slot_ranges: job.ranges.map(showRange).join(' '),
          target_node: job.targetId,
          source_node: job.sourceId,
          create_time: 0,
          last_update_time: 0,
          state: job.state,
          message: job.state === 'failed' ? 'simulated failure' : '',
        }),
      ),
      config: { ...this.config, 'cluster-announce-human-nodename': announcedNodename(clusterUid, this.name) },
    };
  }

  #ranges(): Map<string, SlotRange[]> {
    const ranges = new Map<string, SlotRange[]>();
    for (let start = 0, end = 0; start < SLOT_COUNT; start = end) {
      const owner = this.owners[start]!;
      for (end = start + 1; end < SLOT_COUNT && this.owners[end] === owner; ) end++;
      if (owner === null) continue;
      const list = ranges.get(owner);
      if (list === undefined) ranges.set(owner, [{ start, end: end - 1 }]);
      else list.push({ start, end: end - 1 });
    }
    return ranges;
  }

  /** Slots whose keys it holds and, on a primary, owns; orphaned keys are deleted by the node itself. */
  keys(): number {
    let keys = 0;
    for (let slot = 0; slot < SLOT_COUNT; slot++) keys += this.data[slot]!;
    return keys;
  }

  isOk(): boolean {
    if (this.candidate || this.owners.includes(null)) return false;
    return [...this.known].every(([id, other]) => !other.failed || !this.owners.includes(id));
  }
}
