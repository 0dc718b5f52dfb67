/**
 * The resources of the API group keyherd.dev.
 *  valkey-cluster.ts    the schema of ValkeyCluster: fields, defaults, bounds
 *  owned-directives.ts  which valkey.conf directives are the operator's, and why
 *  manifest.ts          text -> ValkeyCluster, or one line that says what is wrong
 *  generate-crds.ts     schema -> crds/*.yaml (`--check` fails when they are stale)
 */

export { ManifestError, parseCluster, parseManifest } from './manifest.ts';
export { OWNED_DIRECTIVES, ownedBecause } from './owned-directives.ts';
export * from './valkey-cluster.ts';
