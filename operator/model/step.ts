/**
 * Steps: what the plan asks for and act performs. Each is idempotent, says for what reason (`because`: it becomes the
 * event, the log line and status.plan), and carries enough of what the plan saw for act to check it again before doing it.
 */
import type { Address } from './admin.ts';
import { countSlots, type SlotRange, showRange } from './slots.ts';
import type { ShardWorkload } from './workload.ts';

/** One node, as the plan saw it. Act goes to the address and does nothing unless this id answers. */
export interface NodeRef {
  readonly name: string;
  readonly nodeId: string;
  readonly address: Address;
}

/** A part of a shard's slots on its way to another shard: one job of CLUSTER MIGRATESLOTS. */
export interface SlotMove {
  readonly ranges: readonly SlotRange[];
  readonly target: NodeRef;
}

export type Step =
  | { readonly kind: 'create-shard'; readonly workload: ShardWorkload; readonly because: string }
  | { readonly kind: 'update-shard'; readonly workload: ShardWorkload; readonly uid: string; readonly because: string }
  | {
      readonly kind: 'scale-shard';
      readonly shardIndex: number;
      readonly name: string;
      readonly uid: string;
      readonly from: number;
      readonly nodes: number;
      readonly because: string;
    }
  | {
      readonly kind: 'delete-shard';
      readonly shardIndex: number;
      readonly name: string;
      readonly uid: string;
      readonly because: string;
    }
  /** `at` learns of `target`. Both must still be who they were: `cluster` is the uid that both announce. */
  | {
      readonly kind: 'meet';
      readonly at: NodeRef;
      readonly target: NodeRef;
      readonly cluster: string;
      readonly because: string;
    }
  | {
      readonly kind: 'assign-slots';
      readonly at: NodeRef;
      readonly ranges: readonly SlotRange[];
      readonly because: string;
    }
  | { readonly kind: 'replicate'; readonly at: NodeRef; readonly primary: NodeRef; readonly because: string }
  | {
      readonly kind: 'migrate-slots';
      readonly source: NodeRef;
      readonly moves: readonly SlotMove[];
      readonly because: string;
    }
  | { readonly kind: 'cancel-migrations'; readonly source: NodeRef; readonly because: string }
  /** The primary hands over to this replica of its own will: no write is lost. */
  | { readonly kind: 'failover'; readonly replica: NodeRef; readonly primaryId: string; readonly because: string }
  /** The replica claims the slots of a primary that is lost. */
  | { readonly kind: 'takeover'; readonly replica: NodeRef; readonly primaryId: string; readonly because: string }
  /** `at` strikes `nodeId` from its table. One step per node that knows it. */
  | { readonly kind: 'forget'; readonly at: NodeRef; readonly nodeId: string; readonly because: string }
  /** The node becomes a blank one: a primary without slots or keys is flushed, then reset with a new id. */
  | { readonly kind: 'reset'; readonly at: NodeRef; readonly role: 'primary' | 'replica'; readonly because: string }
  | {
      readonly kind: 'configure';
      readonly at: NodeRef;
      readonly directives: Readonly<Record<string, string>>;
      readonly because: string;
    }
  /** This life of the node ends gracefully, and the next begins from the present workload. `configHash` is set when it is for spec.config. */
  | {
      readonly kind: 'restart-node';
      readonly at: NodeRef;
      readonly shardIndex: number;
      readonly uid: string;
      readonly role: 'primary' | 'replica';
      readonly configHash: string | null;
      readonly because: string;
    }
  /** Nothing to do but to look again: at `untilMs` at the latest. `reason` is CamelCase; `retries` is the key of a step that failed and rests. */
  | {
      readonly kind: 'wait';
      readonly reason: string;
      readonly untilMs: number;
      readonly retries?: string;
      readonly because: string;
    }
  /** Nothing can be done until a person or the platform changes something. A Warning event and a condition say so. */
  | { readonly kind: 'hold'; readonly reason: string; readonly because: string };

export type StepKind = Step['kind'];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;

/** Steps that change something, as opposed to wait and hold. */
export function isAct(step: Step): boolean {
  return step.kind !== 'wait' && step.kind !== 'hold';
}

/** What a step is about: two steps with one key are the same undertaking, and share a back-off. */
export function stepKey(step: Step): string {
  switch (step.kind) {
    case 'create-shard':
    case 'update-shard':
      return `${step.kind} ${step.workload.shardIndex}`;
    case 'scale-shard':
    case 'delete-shard':
      return `${step.kind} ${step.shardIndex}`;
    case 'meet':
      return `meet ${step.at.nodeId} ${step.target.nodeId}`;
    case 'forget':
      return `forget ${step.at.nodeId} ${step.nodeId}`;
    case 'migrate-slots':
      return stepKeyOfMigration(step.source.nodeId);
    case 'cancel-migrations':
      return `${step.kind} ${step.source.nodeId}`;
    case 'failover':
    case 'takeover':
      return `${step.kind} ${step.replica.nodeId}`;
    case 'assign-slots':
    case 'replicate':
    case 'reset':
      return `${step.kind} ${step.at.nodeId}`;
    case 'restart-node':
      return `${step.kind} ${step.at.name} ${step.uid}`;
    case 'configure':
      // Other values are another undertaking: a mistake that was put right does not rest for the old one.
      return `${step.kind} ${step.at.nodeId} ${Object.entries(step.directives).join(' ')}`;
    case 'wait':
    case 'hold':
      return `${step.kind} ${step.reason}`;
  }
}

/** The key of moving slots away from a node: its jobs' failures count under it. */
export function stepKeyOfMigration(sourceId: string): string {
  return `migrate-slots ${sourceId}`;
}

/** A step as one reads it in a log, without its reason. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'create-shard':
      return `create shard ${step.workload.shardIndex} with ${step.workload.nodes} nodes`;
    case 'update-shard':
      return `update the workload of shard ${step.workload.shardIndex}`;
    case 'scale-shard':
      return `scale shard ${step.shardIndex} from ${step.from} to ${step.nodes} nodes`;
    case 'delete-shard':
      return `delete shard ${step.shardIndex} and its volumes`;
    case 'meet':
      return `introduce ${step.target.name} to ${step.at.name}`;
    case 'assign-slots':
      return `assign slots ${step.ranges.map(showRange).join(' ')} to ${step.at.name}`;
    case 'replicate':
      return `make ${step.at.name} a replica of ${step.primary.name}`;
    case 'migrate-slots':
      return step.moves
        .map((move) => `move ${countSlots(move.ranges)} slots from ${step.source.name} to ${move.target.name}`)
        .join(', ');
    case 'cancel-migrations':
      return `cancel the slot migrations of ${step.source.name}`;
    case 'failover':
      return `hand the primary role to ${step.replica.name}`;
    case 'takeover':
      return `let ${step.replica.name} take over`;
    case 'forget':
      return `make ${step.at.name} forget node ${step.nodeId.slice(0, 8)}`;
    case 'reset':
      return `reset ${step.at.name}`;
    case 'configure':
      return `set ${Object.keys(step.directives).join(', ')} at ${step.at.name}`;
    case 'restart-node':
      return `restart ${step.at.name}`;
    case 'wait':
      return `wait: ${step.reason}`;
    case 'hold':
      return `hold: ${step.reason}`;
  }
}
