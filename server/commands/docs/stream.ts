/** Documentation of the stream commands. Source: Valkey 9.1 COMMAND DOCS. */
import { NONDETERMINISTIC, OF_SUBCOMMAND } from './common.ts';
import type { CommandDocs } from './doc.ts';

const TRIM =
  'trim(strategy<MAXLEN | MINID@6.2.0> [operator<"="~equal | "~"~approximately>] threshold [LIMIT=count:integer@6.2.0])';
const STREAMS = 'STREAMS=streams(key... id...)';
const READ_OPTIONS = '[COUNT=count:integer] [BLOCK=milliseconds:integer]';
const GROUP_START = 'id-selector<id | "$"~new-id>';
const ENTRIES_READ = '[ENTRIESREAD=entriesread:integer/entries-read]';
const RANGE_HISTORY = [['6.2.0', 'Added exclusive ranges.']] as const;

export const streamDocs: CommandDocs = {
  xack: { complexity: 'O(1) for each message ID processed.', syntax: 'key group id...' },
  xadd: {
    complexity: 'O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.',
    syntax: `key [NOMKSTREAM@6.2.0] [${TRIM}] id-selector<"*"~auto-id | id> data(field value)...`,
    history: [
      ['6.2.0', 'Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option.'],
      ['7.0.0', 'Added support for the `<ms>-*` explicit ID form.'],
    ],
    tips: NONDETERMINISTIC,
  },
  xautoclaim: {
    complexity: 'O(1) if COUNT is small.',
    syntax: 'key group consumer min-idle-time start [COUNT=count:integer] [JUSTID]',
    history: [
      ['7.0.0', 'Added an element to the reply array, containing deleted entries the command cleared from the PEL'],
    ],
    tips: NONDETERMINISTIC,
  },
  xclaim: {
    complexity: 'O(log N) with N being the number of messages in the PEL of the consumer group.',
    syntax:
      'key group consumer min-idle-time id... ' +
      '[IDLE=ms:integer] [TIME=unix-time-milliseconds:unix-time] [RETRYCOUNT=count:integer] [FORCE] [JUSTID] [LASTID=lastid]',
    tips: NONDETERMINISTIC,
  },
  xdel: {
    complexity: 'O(1) for each single item to delete in the stream, regardless of the stream size.',
    syntax: 'key id...',
  },
  xgroup: { complexity: OF_SUBCOMMAND },
  'xgroup|create': {
    complexity: 'O(1)',
    syntax: `key group ${GROUP_START} [MKSTREAM] ${ENTRIES_READ}`,
    history: [['7.0.0', 'Added the `entries_read` named argument.']],
  },
  'xgroup|createconsumer': { complexity: 'O(1)', syntax: 'key group consumer' },
  'xgroup|delconsumer': { complexity: 'O(1)', syntax: 'key group consumer' },
  'xgroup|destroy': {
    complexity: "O(N) where N is the number of entries in the group's pending entries list (PEL).",
    syntax: 'key group',
  },
  'xgroup|help': { complexity: 'O(1)' },
  'xgroup|setid': {
    complexity: 'O(1)',
    syntax: `key group ${GROUP_START} ${ENTRIES_READ}`,
    history: [['7.0.0', 'Added the optional `entries_read` argument.']],
  },
  xinfo: { complexity: OF_SUBCOMMAND },
  'xinfo|consumers': {
    complexity: 'O(1)',
    syntax: 'key group',
    history: [['7.2.0', 'Added the `inactive` field, and changed the meaning of `idle`.']],
    tips: NONDETERMINISTIC,
  },
  'xinfo|groups': {
    complexity: 'O(1)',
    syntax: 'key',
    history: [['7.0.0', 'Added the `entries-read` and `lag` fields']],
  },
  'xinfo|help': { complexity: 'O(1)' },
  'xinfo|stream': {
    complexity: 'O(1)',
    syntax: 'key [full-block(FULL [COUNT=count:integer])]',
    history: [
      ['6.0.0', 'Added the `FULL` modifier.'],
      [
        '7.0.0',
        'Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag` fields',
      ],
      ['7.2.0', 'Added the `active-time` field, and changed the meaning of `seen-time`.'],
    ],
  },
  xlen: { complexity: 'O(1)', syntax: 'key' },
  xpending: {
    complexity:
      'O(N) with N being the number of elements returned, so asking for a small fixed number of entries per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every consumer.',
    syntax: 'key group [filters([IDLE=min-idle-time:integer@6.2.0] start end count:integer [consumer])]',
    history: [['6.2.0', 'Added the `IDLE` option and exclusive range intervals.']],
    tips: NONDETERMINISTIC,
  },
  xrange: {
    complexity:
      'O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).',
    syntax: 'key start end [COUNT=count:integer]',
    history: RANGE_HISTORY,
  },
  xread: { syntax: `${READ_OPTIONS} ${STREAMS}` },
  xreadgroup: {
    complexity:
      'For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.',
    syntax: `GROUP=group-block(group consumer) ${READ_OPTIONS} [NOACK] ${STREAMS}`,
  },
  xrevrange: {
    complexity:
      'O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).',
    syntax: 'key end start [COUNT=count:integer]',
    history: RANGE_HISTORY,
  },
  xsetid: {
    complexity: 'O(1)',
    syntax: 'key last-id [ENTRIESADDED=entries-added:integer@7.0.0] [MAXDELETEDID=max-deleted-id@7.0.0]',
    history: [['7.0.0', 'Added the `entries_added` and `max_deleted_entry_id` arguments.']],
  },
  xtrim: {
    complexity:
      'O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.',
    syntax: `key ${TRIM}`,
    history: [['6.2.0', 'Added the `MINID` trimming strategy and the `LIMIT` option.']],
    tips: NONDETERMINISTIC,
  },
};
