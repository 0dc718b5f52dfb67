/**
 * A pod, as the platform tells of it: which phase, why, and whether it is ready. Pure.
 *
 * `Stopped` is claimed only when the kubelet itself reported the end of the container: the operator may then let a
 * replica take over without fear of two primaries. A machine that does not report leaves its pods `Unknown`.
 */

import type { NodePhase, PlatformNode } from '../platform.ts';
import type { StoredObject } from './api/objects.ts';
import { BUS_PORT, CLIENT_PORT, POD_INDEX_LABEL, RESTART_ANNOTATION } from './build/index.ts';

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: object;
  readonly terminated?: { readonly reason?: string; readonly exitCode?: number };
}

interface PodStatus {
  readonly phase?: string;
  readonly reason?: string;
  readonly podIP?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
  readonly containerStatuses?: readonly {
    readonly restartCount?: number;
    readonly state?: ContainerState;
    readonly lastState?: ContainerState;
  }[];
}

const MAX_REASON_LENGTH = 300;

/** `restartHash` is the one that a pod made now would carry; a pod without one was made before pods carried it, and may stay. */
export function nodeOf(pod: StoredObject, restartHash: string | undefined): PlatformNode {
  const status = (pod.status ?? {}) as PodStatus;
  const container = status.containerStatuses?.[0];
  const { phase, reason } = phaseOf(pod, status);
  const ready =
    status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
  return {
    name: pod.metadata.name,
    uid: `${pod.metadata.uid}/${container?.restartCount ?? 0}`,
    ordinal: ordinalOf(pod),
    phase,
    ...(reason === '' ? {} : { phaseReason: reason.slice(0, MAX_REASON_LENGTH) }),
    ...(status.podIP === undefined || status.podIP === ''
      ? {}
      : { address: { host: status.podIP, port: CLIENT_PORT, busPort: BUS_PORT } }),
    ready,
    outdated: [undefined, restartHash].every((hash) => hash !== pod.metadata.annotations[RESTART_ANNOTATION]),
    createdAtMs: Date.parse(pod.metadata.creationTimestamp),
  };
}

export function ordinalOf(pod: StoredObject): number {
  const index = pod.metadata.labels[POD_INDEX_LABEL] ?? pod.metadata.name.slice(pod.metadata.name.lastIndexOf('-') + 1);
  return Number(index);
}

function phaseOf(pod: StoredObject, status: PodStatus): { phase: NodePhase; reason: string } {
  const container = status.containerStatuses?.[0];
  const { state = {}, lastState = {} } = container ?? {};
  if (status.phase === 'Failed' || status.phase === 'Succeeded')
    return { phase: 'Stopped', reason: status.reason ?? status.phase };
  if (state.terminated !== undefined) return { phase: 'Stopped', reason: ending(state.terminated) };
  if (status.phase === 'Unknown' || status.reason === 'NodeLost')
    return { phase: 'Unknown', reason: status.reason ?? 'its machine does not report' };
  if (pod.metadata.deletionTimestamp !== undefined) return { phase: 'Terminating', reason: '' };
  if (state.waiting !== undefined) {
    const { reason = '', message = '' } = state.waiting;
    if (lastState.terminated !== undefined)
      return {
        phase: 'Stopped',
        reason: [reason, ending(lastState.terminated)].filter((part) => part !== '').join(': '),
      };
    return {
      phase: 'Pending',
      reason: reason === 'ContainerCreating' || message === '' ? reason : `${reason}: ${message}`,
    };
  }
  if (state.running !== undefined) return { phase: 'Running', reason: '' };
  const scheduled = status.conditions?.find(
    (condition) => condition.type === 'PodScheduled' && condition.status === 'False',
  );
  return {
    phase: 'Pending',
    reason: scheduled === undefined ? '' : `${scheduled.reason ?? 'Unscheduled'}: ${scheduled.message ?? ''}`,
  };
}

function ending(terminated: NonNullable<ContainerState['terminated']>): string {
  return `${terminated.reason ?? 'Terminated'} (exit code ${terminated.exitCode ?? 0})`;
}
