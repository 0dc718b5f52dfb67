/**
 * Steps -> deeds. Each deed first looks again at what it is about to touch: the plan saw it a moment ago, and a moment is
 * long enough for a restart, a failover or a reused address. What no longer holds is not done; the next look decides anew.
 */
import {
  type Admin,
  AdminError,
  COMMAND_TIMEOUT_MS,
  countSlots,
  FLUSH_TIMEOUT_MS,
  type NodeRef,
  type NodeReport,
  REPORT_TIMEOUT_MS,
  type SlotRange,
  type Step,
  type StepKind,
  type StepOf,
  slotsOf,
} from '../model/index.ts';
import { NODENAME_DIRECTIVE, toReport } from '../observe/index.ts';
import type { Platform } from '../platform/platform.ts';

export interface Hands {
  readonly platform: Platform;
  readonly admin: Admin;
  readonly clusterUid: string;
}

/** What the plan saw holds no longer. No failure: somebody was faster. */
export class Outdated extends Error {
  override readonly name = 'Outdated';
}

/**
 * How long a deed's effect may take to show in the nodes' own words: it is not repeated before.
 * Zero: the next look sees it.
 */
export const SETTLE_MS: Readonly<Record<StepKind, number>> = {
  'create-shard': 1000,
  'update-shard': 1000,
  'scale-shard': 1000,
  'delete-shard': 1000,
  meet: 2000, // a greeting that is lost is given up by the node after its node timeout
  'assign-slots': 1000,
  replicate: 2000,
  'migrate-slots': 0, // the job is in the source's list when the command is answered
  'cancel-migrations': 500,
  failover: 6000, // a manual failover is given up by the node after 5 s
  takeover: 3000,
  forget: 1000,
  reset: 500,
  configure: 0,
  'restart-node': 2000, // until the platform shows that it is stopping
  wait: 0,
  hold: 0,
};

/** Does one step. Throws Outdated, AdminError or PlatformError. */
export async function perform(step: Step, hands: Hands): Promise<void> {
  const { platform, admin } = hands;
  switch (step.kind) {
    case 'create-shard':
    case 'update-shard':
      return platform.ensureShard(step.workload);
    case 'scale-shard':
      return scaleShard(step, hands);
    case 'delete-shard':
      await assertOwnsNothing(step.shardIndex, step.uid, 0, hands);
      return platform.deleteShard(step.shardIndex, step.uid);
    case 'meet':
      await Promise.all([identify(step.at, hands), identify(step.target, hands)]);
      return admin.meet(step.at.address, step.target.address, COMMAND_TIMEOUT_MS);
    case 'assign-slots':
      await assertOwner(step.at, 'primary', hands);
      return admin.addSlots(step.at.address, step.ranges, COMMAND_TIMEOUT_MS);
    case 'replicate':
      return replicate(step, hands);
    case 'migrate-slots':
      return migrateSlots(step, hands);
    case 'cancel-migrations':
      await identify(step.source, hands);
      return admin.cancelSlotMigrations(step.source.address, COMMAND_TIMEOUT_MS);
    case 'failover':
      return failover(step, hands);
    case 'takeover':
      return takeover(step, hands);
    case 'forget':
      return forget(step, hands);
    case 'reset':
      return reset(step, hands);
    case 'configure':
      return configure(step, hands);
    case 'restart-node':
      await assertOwner(step.at, step.role, hands);
      return platform.restartNode(step.shardIndex, step.at.name, step.uid);
    case 'wait':
    case 'hold':
      return;
  }
}

/** The node that answers at an address, which must be the one the plan saw, and of this cluster. */
async function identify(node: NodeRef, { admin, clusterUid }: Hands): Promise<NodeReport> {
  const report = toReport(await admin.report(node.address, [NODENAME_DIRECTIVE], REPORT_TIMEOUT_MS));
  if (report.nodeId !== node.nodeId)
    throw new Outdated(`${node.name} is node ${report.nodeId.slice(0, 8)} now, not ${node.nodeId.slice(0, 8)}`);
  if (report.belongsTo !== clusterUid)
    throw new Outdated(`${node.name} announces ${report.belongsTo ?? 'no cluster'}, not this cluster`);
  return report;
}

async function assertOwner(node: NodeRef, role: NodeReport['role'], hands: Hands): Promise<void> {
  const report = await identify(node, hands);
  if (report.role !== role) throw new Outdated(`${node.name} is a ${report.role} now`);
}

/** No node of a shard, from an ordinal on, claims a slot. One that does not answer was judged by the plan. */
async function assertOwnsNothing(
  shardIndex: number,
  uid: string,
  fromOrdinal: number,
  { platform, admin }: Hands,
): Promise<void> {
  const shard = (await platform.listShards()).find((candidate) => candidate.shardIndex === shardIndex);
  if (shard === undefined || shard.uid !== uid) throw new Outdated(`shard ${shardIndex} is another one now`);
  await Promise.all(
    shard.members
      .filter((member) => member.ordinal >= fromOrdinal && member.address !== undefined)
      .map(async (member) => {
        const report = await admin.report(member.address!, [], REPORT_TIMEOUT_MS).then(toReport, () => null);
        if (report !== null && report.slots.length > 0)
          throw new Outdated(`${member.name} owns ${countSlots(report.slots)} slots now`);
      }),
  );
}

async function scaleShard(step: StepOf<'scale-shard'>, hands: Hands): Promise<void> {
  if (step.nodes < step.from) await assertOwnsNothing(step.shardIndex, step.uid, step.nodes, hands);
  return hands.platform.scaleShard(step.shardIndex, step.uid, step.nodes);
}

async function replicate(step: StepOf<'replicate'>, hands: Hands): Promise<void> {
  const [report, primary] = await Promise.all([identify(step.at, hands), identify(step.primary, hands)]);
  if (primary.role !== 'primary') throw new Outdated(`${step.primary.name} is a replica now`);
  if (report.slots.length > 0) throw new Outdated(`${step.at.name} owns slots now`);
  return hands.admin.replicate(step.at.address, step.primary.nodeId, COMMAND_TIMEOUT_MS);
}

async function migrateSlots(step: StepOf<'migrate-slots'>, hands: Hands): Promise<void> {
  const [source] = await Promise.all([
    identify(step.source, hands),
    ...step.moves.map((move) => assertOwner(move.target, 'primary', hands)),
  ]);
  if (source.migrations.some((job) => job.operation === 'export' && job.outcome === 'running'))
    throw new Outdated(`${step.source.name} already moves slots`);
  const moves = step.moves.flatMap((move) => move.ranges);
  if (!covers(source.slots, moves)) throw new Outdated(`${step.source.name} no longer owns all of these slots`);
  return hands.admin.migrateSlots(
    step.source.address,
    step.moves.map((move) => ({ ranges: move.ranges, targetId: move.target.nodeId })),
    COMMAND_TIMEOUT_MS,
  );
}

async function failover(step: StepOf<'failover'>, hands: Hands): Promise<void> {
  const report = await identify(step.replica, hands);
  if (report.role !== 'replica' || report.primaryId !== step.primaryId)
    throw new Outdated(`${step.replica.name} does not follow that primary any more`);
  if (!report.linkUp) throw new Outdated(`${step.replica.name} lost its primary`);
  return hands.admin.failover(step.replica.address, 'graceful', COMMAND_TIMEOUT_MS);
}

async function takeover(step: StepOf<'takeover'>, hands: Hands): Promise<void> {
  const report = await identify(step.replica, hands);
  if (report.role !== 'replica' || report.primaryId !== step.primaryId)
    throw new Outdated(`${step.replica.name} does not follow that primary any more`);
  if (report.linkUp) throw new Outdated(`${step.replica.name} has its primary again`);
  return hands.admin.failover(step.replica.address, 'takeover', COMMAND_TIMEOUT_MS);
}

async function forget(step: StepOf<'forget'>, hands: Hands): Promise<void> {
  const report = await identify(step.at, hands);
  const entry = report.table.find((candidate) => candidate.nodeId === step.nodeId);
  if (entry === undefined) return;
  if (report.primaryId === step.nodeId) throw new Outdated(`${step.at.name} follows that node`);
  if (entry.linkConnected && !entry.failed && !entry.suspected && !entry.noAddress)
    throw new Outdated(`${step.at.name} talks with that node`);
  return hands.admin.forget(step.at.address, step.nodeId, COMMAND_TIMEOUT_MS);
}

async function reset(step: StepOf<'reset'>, hands: Hands): Promise<void> {
  const report = await identify(step.at, hands);
  if (report.slots.length > 0) throw new Outdated(`${step.at.name} owns ${countSlots(report.slots)} slots now`);
  if (report.role !== step.role) throw new Outdated(`${step.at.name} is a ${report.role} now`);
  // A replica drops its copy when it is reset, and takes no FLUSHALL before.
  if (report.role === 'primary' && report.keys > 0) await hands.admin.flushAll(step.at.address, FLUSH_TIMEOUT_MS);
  return hands.admin.resetHard(step.at.address, COMMAND_TIMEOUT_MS);
}

/**
 * One directive at a time, so that one which is refused leaves the others applied. A start-only directive is no failure:
 * the node takes it from its workload when it starts again, and the status says so until then.
 */
async function configure(step: StepOf<'configure'>, hands: Hands): Promise<void> {
  await identify(step.at, hands);
  let refused: unknown = null;
  for (const [name, value] of Object.entries(step.directives)) {
    try {
      await hands.admin.configSet(step.at.address, { [name]: value }, COMMAND_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof AdminError) || error.kind !== 'refused') throw error;
      if (!error.message.includes('immutable')) refused ??= error;
    }
  }
  if (refused !== null) throw refused;
}

function covers(owned: readonly SlotRange[], wanted: readonly SlotRange[]): boolean {
  const slots = new Set(slotsOf(owned));
  return [...slotsOf(wanted)].every((slot) => slots.has(slot));
}
