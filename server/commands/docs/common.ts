/** What the documentation of several groups has in common. Source: Valkey 9.1 COMMAND DOCS and COMMAND INFO. */

/** When a value or field is to go. */
export const EXPIRATION =
  'EX=seconds:integer | PX=milliseconds:integer | EXAT=unix-time-seconds:unix-time | PXAT=unix-time-milliseconds:unix-time';

/** What an expiry that is to be set depends on. */
export const EXPIRE_CONDITION = 'condition<NX | XX | GT | LT>';

export const LIMIT = 'LIMIT=limit(offset:integer count:integer)';

export const SCAN_OPTIONS = '[MATCH=pattern:pattern] [COUNT=count:integer]';

export const SCAN_COMPLEXITY =
  'O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.';

export const ADD_COMPLEXITY =
  'O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.';

export const TIMEOUT_HISTORY = [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']] as const;

// Tips: what a proxy or client of a cluster may do with a request, and with what it gets.
export const NONDETERMINISTIC: readonly string[] = ['nondeterministic_output'];
export const NONDETERMINISTIC_ORDER: readonly string[] = ['nondeterministic_output_order'];
/** Split by the keys' slots; every part succeeds, or it failed. */
export const SPLIT_ALL_SUCCEED: readonly string[] = ['request_policy:multi_shard', 'response_policy:all_succeeded'];
/** Split by the keys' slots; the answer is the sum of the parts'. */
export const SPLIT_AND_SUM: readonly string[] = ['request_policy:multi_shard', 'response_policy:agg_sum'];
/** Asked of every shard; the answer is the smallest. */
export const SHARDS_MINIMUM: readonly string[] = ['request_policy:all_shards', 'response_policy:agg_min'];
/** Asked of every shard; every one succeeds, or it failed. */
export const ALL_SHARDS_SUCCEED: readonly string[] = ['request_policy:all_shards', 'response_policy:all_succeeded'];
/** Asked of every shard; what their answers say together is for the client to make out. */
export const ALL_SHARDS_DIFFER: readonly string[] = [
  'nondeterministic_output',
  'request_policy:all_shards',
  'response_policy:special',
];
/** The same of every node, replicas too. */
export const ALL_NODES_SUCCEED: readonly string[] = ['request_policy:all_nodes', 'response_policy:all_succeeded'];
export const ALL_NODES_DIFFER: readonly string[] = [
  'nondeterministic_output',
  'request_policy:all_nodes',
  'response_policy:special',
];

/** Whether what goes is freed before the answer. */
export const FLUSH_TYPE = 'flush-type<ASYNC | SYNC>';

export const OF_SUBCOMMAND = 'Depends on subcommand.';
