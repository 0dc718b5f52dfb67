/**
 * The pod of a node. Its image gets valkey-server's command line (a configuration file, then `--directive value`), and
 * nothing else, so that any image with that entry point will do.
 *
 * Probes. The kubelet must neither kill a node that is busy nor offer one that cannot answer:
 * - startup: one PING over bash's /dev/tcp, until the answer is not -LOADING. A port check cannot tell, because a node
 *   listens while it loads its dataset; an exec of Node would cost more than the node's own work. It runs only until it
 *   has passed once, and the others wait for it: so a pod is not ready while it loads, and a long load is not shot at.
 * - readiness: the client port is open. Not the cluster's state: pods that were unready for want of a cluster would
 *   keep the cluster from forming, and a budget would count a whole cluster as broken when one shard is. (A replica that
 *   loads a full synchronisation stays ready; whether it is in sync is for the operator, which asks it.)
 * - liveness: the client port, patiently. The kernel accepts even while the event loop is busy.
 */

import type { V1Container, V1PodSpec, V1PodTemplateSpec, V1TopologySpreadConstraint } from '@kubernetes/client-node';
import type { ValkeyCluster } from '../../../api/index.ts';
import type { ShardWorkload } from '../../../model/workload.ts';
import {
  BUS_PORT,
  CLIENT_PORT,
  CONFIG_DIRECTORY,
  CONFIG_FILE,
  DATA_DIRECTORY,
  labels,
  ownerOf,
  RESTART_ANNOTATION,
  selectorLabels,
} from './names.ts';

export const DATA_VOLUME = 'data';
const CONFIG_VOLUME = 'config';

/** The user `node` of Node's own images. */
const USER_ID = 1000;

const STARTUP_PERIOD_SECONDS = 2;
/** A volume of 100 GB at 50 MB/s loads in about half an hour. */
const STARTUP_LIMIT_SECONDS = 3600;

const PING_UNTIL_LOADED = [
  'bash',
  '-c',
  `exec 3<>/dev/tcp/127.0.0.1/${CLIENT_PORT} && printf '*1\\r\\n$4\\r\\nPING\\r\\n' >&3 && IFS= read -r -t 2 reply <&3 && [[ $reply != -LOADING* ]]`,
];

export interface PodOptions {
  readonly imagePullPolicy: string;
}

export function buildPodTemplate(
  cluster: ValkeyCluster,
  workload: ShardWorkload,
  options: PodOptions,
): V1PodTemplateSpec {
  return {
    metadata: {
      labels: labels(cluster.metadata.name, workload.shardIndex),
      annotations: { [RESTART_ANNOTATION]: workload.restartHash },
    },
    spec: buildPodSpec(cluster, workload, options),
  };
}

function buildPodSpec(cluster: ValkeyCluster, workload: ShardWorkload, options: PodOptions): V1PodSpec {
  const { scheduling } = workload;
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: workload.terminationGracePeriodSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER_ID,
      runAsGroup: USER_ID,
      fsGroup: USER_ID,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [buildContainer(cluster, workload, options)],
    volumes: [
      { name: CONFIG_VOLUME, configMap: { name: workload.name } },
      // With persistence the volume claim template of the same name takes its place.
      ...(workload.persistence.mode === 'None' ? [{ name: DATA_VOLUME, emptyDir: {} }] : []),
    ],
    topologySpreadConstraints:
      (scheduling.topologySpreadConstraints as V1TopologySpreadConstraint[] | undefined) ??
      spread(cluster.metadata.name, workload.shardIndex),
    ...(workload.imagePullSecrets.length === 0 ? {} : { imagePullSecrets: workload.imagePullSecrets }),
    ...(scheduling.nodeSelector === undefined ? {} : { nodeSelector: scheduling.nodeSelector }),
    ...(scheduling.affinity === undefined ? {} : { affinity: scheduling.affinity }),
    ...(scheduling.tolerations === undefined
      ? {}
      : { tolerations: scheduling.tolerations as NonNullable<V1PodSpec['tolerations']> }),
    ...(scheduling.priorityClassName === undefined ? {} : { priorityClassName: scheduling.priorityClassName }),
  };
}

function buildContainer(cluster: ValkeyCluster, workload: ShardWorkload, options: PodOptions): V1Container {
  const clientPort = { port: 'client' };
  return {
    name: 'server',
    image: workload.image,
    imagePullPolicy: options.imagePullPolicy,
    args: [
      `${CONFIG_DIRECTORY}/${CONFIG_FILE}`,
      '--cluster-announce-ip',
      '$(POD_IP)',
      // As announcedNodename of operator/model/workload.ts composes it; the kubelet fills in the pod's name.
      '--cluster-announce-human-nodename',
      `${ownerOf(cluster).uid}.$(POD_NAME)`,
    ],
    workingDir: DATA_DIRECTORY,
    env: [
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ],
    ports: [
      { name: 'client', containerPort: CLIENT_PORT, protocol: 'TCP' },
      { name: 'bus', containerPort: BUS_PORT, protocol: 'TCP' },
    ],
    resources: workload.resources as NonNullable<V1Container['resources']>,
    startupProbe: {
      exec: { command: PING_UNTIL_LOADED },
      periodSeconds: STARTUP_PERIOD_SECONDS,
      timeoutSeconds: 5,
      failureThreshold: STARTUP_LIMIT_SECONDS / STARTUP_PERIOD_SECONDS,
    },
    readinessProbe: { tcpSocket: clientPort, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2 },
    livenessProbe: { tcpSocket: clientPort, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: DATA_VOLUME, mountPath: DATA_DIRECTORY },
      { name: CONFIG_VOLUME, mountPath: CONFIG_DIRECTORY, readOnly: true },
    ],
  };
}

/** The pods of a shard on different machines and in different zones, where there are enough of them. */
function spread(clusterName: string, shardIndex: number): V1TopologySpreadConstraint[] {
  return ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
    topologyKey,
    maxSkew: 1,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selectorLabels(clusterName, shardIndex) },
  }));
}
