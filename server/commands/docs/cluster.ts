/** Documentation of the cluster commands. Source: Valkey 9.1 COMMAND DOCS. */
import { FLUSH_TYPE, NONDETERMINISTIC, OF_SUBCOMMAND } from './common.ts';
import type { CommandDoc, CommandDocs } from './doc.ts';

const SLOTS_COMPLEXITY = 'O(N) where N is the total number of hash slot arguments';
const RANGES_COMPLEXITY =
  'O(N) where N is the total number of the slots between the start slot and end slot arguments.';
const NODES_COMPLEXITY = 'O(N) where N is the total number of Cluster nodes';
const SLOT_RANGE = 'start-slot:integer end-slot:integer';
const SLOT_RANGES = `range(${SLOT_RANGE})...`;
const REPLICAS: CommandDoc = {
  complexity: 'O(N) where N is the number of replicas.',
  syntax: 'node-id',
  tips: NONDETERMINISTIC,
};

export const clusterDocs: CommandDocs = {
  asking: { complexity: 'O(1)' },
  cluster: { complexity: OF_SUBCOMMAND },
  'cluster|addslots': { complexity: SLOTS_COMPLEXITY, syntax: 'slot:integer...' },
  'cluster|addslotsrange': { complexity: RANGES_COMPLEXITY, syntax: SLOT_RANGES },
  'cluster|bumpepoch': { complexity: 'O(1)', tips: NONDETERMINISTIC },
  'cluster|cancelslotmigrations': {
    complexity: 'O(N), where N is the number of slot migration operations being cancelled.',
  },
  'cluster|count-failure-reports': {
    complexity: 'O(N) where N is the number of failure reports',
    syntax: 'node-id',
    history: [['9.0.0', 'Ignore additional failure reports for a node which has been marked as failed.']],
    tips: NONDETERMINISTIC,
  },
  'cluster|countkeysinslot': { complexity: 'O(1)', syntax: 'slot:integer' },
  'cluster|delslots': { complexity: SLOTS_COMPLEXITY, syntax: 'slot:integer...' },
  'cluster|delslotsrange': { complexity: RANGES_COMPLEXITY, syntax: SLOT_RANGES },
  'cluster|failover': { complexity: 'O(1)', syntax: '[options<FORCE | TAKEOVER>]' },
  'cluster|flushslot': {
    complexity: 'O(N) where N is the number of keys in the target slot',
    syntax: `slot:integer [${FLUSH_TYPE}]`,
  },
  'cluster|flushslots': { complexity: 'O(1)' },
  'cluster|forget': { complexity: 'O(1)', syntax: 'node-id' },
  'cluster|getkeysinslot': {
    complexity: 'O(N) where N is the number of requested keys',
    syntax: 'slot:integer count:integer',
    tips: NONDETERMINISTIC,
  },
  'cluster|getslotmigrations': {
    complexity: 'O(N), where N is the number of active slot import and export jobs.',
  },
  'cluster|help': { complexity: 'O(1)' },
  'cluster|info': { complexity: 'O(1)', tips: NONDETERMINISTIC },
  'cluster|keyslot': { complexity: 'O(N) where N is the number of bytes in the key', syntax: 'key:string' },
  'cluster|links': { complexity: NODES_COMPLEXITY, tips: NONDETERMINISTIC },
  'cluster|meet': {
    complexity: 'O(1)',
    syntax: 'ip port:integer [cluster-bus-port:integer@4.0.0]',
    history: [['4.0.0', 'Added the optional `cluster_bus_port` argument.']],
  },
  'cluster|migrateslots': {
    complexity: 'O(N) where N is the total number of the slots between all start slot and end slot arguments.',
    syntax: `migration-group(SLOTSRANGE~slotsrange-token ${SLOT_RANGES} NODE~node-token node-id)...`,
  },
  'cluster|myid': { complexity: 'O(1)' },
  'cluster|myshardid': { complexity: 'O(1)', tips: NONDETERMINISTIC },
  'cluster|nodes': { complexity: NODES_COMPLEXITY, tips: NONDETERMINISTIC },
  'cluster|replicas': REPLICAS,
  'cluster|replicate': {
    complexity: 'O(1)',
    syntax: 'args<node-id | no-one(NO ONE)@9.0.0>',
    history: [
      [
        '9.0.0',
        "Added support of 'NO ONE' arg instead of <node-id> resulting into detaching replica from primary node.",
      ],
    ],
  },
  'cluster|reset': {
    complexity: 'O(N) where N is the number of known nodes. The command may execute a FLUSHALL as a side effect.',
    syntax: '[reset-type<HARD | SOFT>]',
  },
  'cluster|saveconfig': { complexity: 'O(1)' },
  'cluster|set-config-epoch': { complexity: 'O(1)', syntax: 'config-epoch:integer' },
  'cluster|setslot': {
    complexity: 'O(1)',
    syntax:
      'slot:integer ' +
      'subcommand<IMPORTING=importing/node-id | MIGRATING=migrating/node-id | NODE=node/node-id | STABLE> ' +
      '[TIMEOUT=timeout:integer@8.0.0]',
    history: [['8.0.0', 'Added the `TIMEOUT` option.']],
  },
  'cluster|shards': {
    complexity: 'O(N) where N is the total number of cluster nodes',
    history: [['9.1.0', 'Added shard level `id` field and node level `availability-zone` field.']],
    tips: NONDETERMINISTIC,
  },
  'cluster|slaves': { ...REPLICAS, deprecated: { since: '5.0.0', replacedBy: '`CLUSTER REPLICAS`' } },
  'cluster|slot-stats': {
    complexity: 'O(N) where N is the total number of slots based on arguments. O(N*log(N)) with ORDERBY subcommand.',
    syntax: `filter<SLOTSRANGE=slotsrange(${SLOT_RANGE}) | ORDERBY=orderby(metric [LIMIT=limit:integer] [order<ASC | DESC>])>`,
    tips: ['nondeterministic_output', 'request_policy:all_shards'],
  },
  'cluster|slots': {
    complexity: NODES_COMPLEXITY,
    history: [
      ['4.0.0', 'Added node IDs.'],
      ['7.0.0', 'Added additional networking metadata field.'],
      ['9.1.0', 'Added `availability-zone` field inside the networking metadata.'],
    ],
    tips: NONDETERMINISTIC,
  },
  'cluster|syncslots': { complexity: OF_SUBCOMMAND, isSystem: true },
  clusterscan: {
    complexity: 'O(N) where N is the number of elements returned.',
    syntax: 'cursor [MATCH=match-pattern:pattern] [COUNT=count:integer] [TYPE=type] [SLOT=slot:integer]',
    tips: ['nondeterministic_output', 'request_policy:special', 'response_policy:special'],
  },
  readonly: { complexity: 'O(1)' },
  readwrite: { complexity: 'O(1)' },
};
