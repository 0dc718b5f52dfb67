/**
 * Changes of the spec that the operator will not make. The CRD refuses what it can see; this holds for every platform,
 * and for what only the running cluster shows. What is refused is left as it is; everything else goes on.
 */
import { countSlots, type ShardView, type Step, type View } from '../model/index.ts';
import { unknownDirectives } from './configure.ts';
import { leavingShards, plural, primaryOf, stayingShards } from './facts.ts';
import { hold, type Rule } from './rule.ts';

/** Of the memory that remains after a scale-in, this much may be filled by it. */
const FILL_PERCENT = 85;

/** While paused nothing is changed: not even a lost primary is replaced by the operator (the cluster itself still elects). */
export const holdWhenPaused: Rule = (view) => (view.desired.spec.paused ? [hold('Paused', 'spec.paused is true')] : []);

/** A refused change is said aloud until the spec is put right. */
export const refuseUnsafeChange: Rule = (view): Step[] => {
  const persistence = stayingShards(view)
    .map((shard) => persistenceRefusal(view, shard))
    .find((refusal) => refusal !== null);
  const drain = drainRefusal(view);
  const unknown = unknownDirectives(view)[0];
  return [
    ...(persistence === undefined ? [] : [hold('PersistenceChangeRefused', persistence)]),
    ...(drain === null ? [] : [hold('ScaleInRefused', drain)]),
    ...(unknown === undefined
      ? []
      : [
          hold(
            'UnknownDirective',
            `spec.config.${unknown}: the server knows no such directive, and would not start with it`,
          ),
        ]),
  ];
};

/** Why the shard's volumes cannot become what the spec says, or null. */
export function persistenceRefusal(view: View, { workload }: ShardView): string | null {
  if (workload === null) return null;
  const had = workload.persistence;
  const wanted = view.desired.spec.persistence;
  if (had.mode !== wanted.mode)
    return `spec.persistence.mode: ${had.mode} cannot become ${wanted.mode}: nodes cannot gain or lose their volumes`;
  if (had.mode === 'None') return null;
  if (bytesOf(wanted.size) < bytesOf(had.size))
    return `spec.persistence.size: ${had.size} cannot become ${wanted.size}: a volume cannot shrink`;
  if (had.storageClassName !== wanted.storageClassName)
    return `spec.persistence.storageClassName: ${had.storageClassName ?? 'the default'} cannot become ${wanted.storageClassName ?? 'the default'}: volumes do not move between classes`;
  return null;
}

/** Why the shards that leave cannot be drained, or null: what they hold must fit into those that stay. */
export function drainRefusal(view: View): string | null {
  const leaving = leavingShards(view)
    .map((shard) => primaryOf(view, shard))
    .filter((node) => node !== null)
    .filter((node) => countSlots(node.report.slots) > 0);
  if (leaving.length === 0) return null;
  const staying = stayingShards(view)
    .map((shard) => primaryOf(view, shard))
    .filter((node) => node !== null);
  if (staying.length === 0 || staying.some((node) => node.report.maxMemoryBytes === 0)) return null;
  const needed = [...leaving, ...staying].reduce((sum, node) => sum + node.report.usedMemoryBytes, 0);
  const room = Math.floor(staying.reduce((sum, node) => sum + node.report.maxMemoryBytes, 0) * (FILL_PERCENT / 100));
  return needed <= room
    ? null
    : `spec.shards: ${view.desired.spec.shards} is too few: ${plural(view.shards.length, 'shard')} hold ${mebibytes(needed)} and ${FILL_PERCENT}% of what ${staying.length} can hold is ${mebibytes(room)}; raise maxmemory or keep the shards`;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The number that a Kubernetes quantity stands for. */
export function bytesOf(quantity: string): number {
  const match = /^([0-9.]+)([a-zA-Z]*)$/.exec(quantity);
  return match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2]!] ?? Number.NaN);
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
