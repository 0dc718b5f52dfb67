/**
 * Nodes as pods.
 *  api/                     the API server: client, credentials, informer, the table of resources
 *  build/                   pure builders of the objects of a shard
 *  caches.ts                the informers, shared by all clusters
 *  pod-state.ts             a pod as a PlatformNode
 *  kubernetes-platform.ts   the Platform
 *  event-recorder.ts        Events, deduplicated
 */
export { ApiClient } from './api/client.ts';
export { inClusterNamespace, loadCredentials } from './api/credentials.ts';
export type { StoredObject } from './api/objects.ts';
export { type Resource, VALKEY_CLUSTERS } from './api/resources.ts';
export { Caches } from './caches.ts';
export { EventRecorder } from './event-recorder.ts';
export { KubernetesPlatform, type KubernetesPlatformOptions } from './kubernetes-platform.ts';
