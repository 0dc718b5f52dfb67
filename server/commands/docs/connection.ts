/** Documentation of the commands on connections. Source: Valkey 9.1 COMMAND DOCS. */
import { ALL_NODES_SUCCEED, ALL_SHARDS_SUCCEED, NONDETERMINISTIC, OF_SUBCOMMAND } from './common.ts';
import type { CommandDocs } from './doc.ts';

const ON_OFF = '<ON | OFF>';
const YES_NO = '<YES | NO>';

/** What CLIENT LIST and CLIENT KILL have chosen clients by since 9.0; `types` are those that NOT-TYPE takes. */
const newFilters = (types: string): readonly string[] => [
  '[NAME=name@9.0.0]',
  '[IDLE=idle:integer@9.0.0]',
  '[FLAGS=flags@9.0.0]',
  '[LIB-NAME=lib-name@9.0.0]',
  '[LIB-VER=lib-ver@9.0.0]',
  '[DB=db:integer@9.0.0]',
  '[CAPA=capa@9.0.0]',
  '[IP=ip@9.0.0]',
  `[NOT-TYPE=not-client-type<${types}>@9.0.0]`,
  '[NOT-ID=not-client-id:integer...@9.0.0]',
  '[NOT-USER=not-username@9.0.0]',
  '[NOT-ADDR=not-addr/"ip:port"@9.0.0]',
  '[NOT-LADDR=not-laddr/"ip:port"@9.0.0]',
  '[NOT-NAME=not-name@9.0.0]',
  '[NOT-FLAGS=not-flags@9.0.0]',
  '[NOT-LIB-NAME=not-lib-name@9.0.0]',
  '[NOT-LIB-VER=not-lib-ver@9.0.0]',
  '[NOT-DB=not-db:integer@9.0.0]',
  '[NOT-CAPA=not-capa@9.0.0]',
  '[NOT-IP=not-ip@9.0.0]',
];

const LISTED_TYPES = 'NORMAL | MASTER | REPLICA | PUBSUB';
const LIST_FILTERS: readonly string[] = [
  `[TYPE=client-type<${LISTED_TYPES}>@5.0.0]`,
  '[ID=client-id:integer...@6.2.0]',
  '[USER=username@8.1.0]',
  '[ADDR=addr/"ip:port"@8.1.0]',
  '[LADDR=laddr/"ip:port"@8.1.0]',
  `[SKIPME=skipme${YES_NO}@8.1.0]`,
  '[MAXAGE=maxage:integer@8.1.0]',
  ...newFilters(LISTED_TYPES),
];

const KILL_FILTERS: readonly string[] = [
  '[ID=client-id:integer...@2.8.12]',
  '[TYPE=client-type<NORMAL | MASTER@3.2.0 | PRIMARY@8.0.0 | SLAVE | REPLICA@5.0.0 | PUBSUB>@2.8.12]',
  '[USER=username]',
  '[ADDR=addr/"ip:port"]',
  '[LADDR=laddr/"ip:port"@6.2.0]',
  `[SKIPME=skipme${YES_NO}]`,
  '[MAXAGE=maxage:integer@8.0.0]',
  ...newFilters('NORMAL | MASTER | PRIMARY | SLAVE | REPLICA | PUBSUB'),
];

const NEW_FILTERS_ADDED =
  'Added filters NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, CAPA, and IP. And negative filters NOT-ID, NOT-TYPE, NOT-ADDR, NOT-LADDR, NOT-USER, NOT-FLAGS, NOT-NAME, NOT-LIB-NAME, NOT-LIB-VER, NOT-DB, NOT-CAPA, NOT-IP.';
const PRIMARY_NAMED = 'Replaced `master` `TYPE` with `primary`. `master` still supported for backward compatibility.';

export const connectionDocs: CommandDocs = {
  auth: {
    complexity: 'O(N) where N is the number of passwords defined for the user',
    syntax: '[username@6.0.0] password',
    history: [['6.0.0', 'Added ACL style (username and password).']],
  },
  client: { complexity: OF_SUBCOMMAND },
  'client|caching': { complexity: 'O(1)', syntax: `mode${YES_NO}` },
  'client|capa': { complexity: 'O(1)', syntax: 'capability...' },
  'client|getname': { complexity: 'O(1)' },
  'client|getredir': { complexity: 'O(1)' },
  'client|help': { complexity: 'O(1)' },
  'client|id': { complexity: 'O(1)' },
  'client|import-source': { complexity: 'O(1)', syntax: `enabled${ON_OFF}` },
  'client|info': { complexity: 'O(1)', tips: NONDETERMINISTIC },
  'client|kill': {
    complexity: 'O(N) where N is the number of client connections',
    syntax: `filter<old-format/"ip:port"!2.8.12 | new-format<${KILL_FILTERS.join(' | ')}>...>`,
    history: [
      ['2.8.12', 'Added new filter format.'],
      ['2.8.12', '`ID` option.'],
      ['3.2.0', 'Added `master` type in for `TYPE` option.'],
      ['5.0.0', 'Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward compatibility.'],
      ['6.2.0', '`LADDR` option.'],
      ['8.0.0', '`MAXAGE` option.'],
      ['8.0.0', PRIMARY_NAMED],
      ['8.1.0', '`ID` option accepts multiple IDs.'],
      ['9.0.0', NEW_FILTERS_ADDED],
    ],
  },
  'client|list': {
    complexity: 'O(N) where N is the number of client connections',
    syntax: LIST_FILTERS.join(' '),
    history: [
      ['2.8.12', 'Added unique client `id` field.'],
      ['5.0.0', 'Added optional `TYPE` filter.'],
      ['6.0.0', 'Added `user` field.'],
      ['6.2.0', 'Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter.'],
      ['7.0.0', 'Added `resp`, `multi-mem`, `rbs` and `rbp` fields.'],
      ['7.0.3', 'Added `ssub` field.'],
      ['8.0.0', PRIMARY_NAMED],
      ['8.1.0', 'Added filters USER, ADDR, LADDR, SKIPME, and MAXAGE.'],
      ['9.0.0', NEW_FILTERS_ADDED],
    ],
    tips: NONDETERMINISTIC,
  },
  'client|no-evict': { complexity: 'O(1)', syntax: `enabled${ON_OFF}` },
  'client|no-touch': { complexity: 'O(1)', syntax: `enabled${ON_OFF}` },
  'client|pause': {
    complexity: 'O(1)',
    syntax: 'timeout:integer [mode<WRITE | ALL>@6.2.0]',
    history: [['6.2.0', '`CLIENT PAUSE WRITE` mode added along with the `mode` option.']],
  },
  'client|reply': { complexity: 'O(1)', syntax: 'action<ON | OFF | SKIP>' },
  'client|setinfo': {
    complexity: 'O(1)',
    syntax: 'attr<LIB-NAME=libname | LIB-VER=libver>',
    tips: ALL_NODES_SUCCEED,
  },
  'client|setname': { complexity: 'O(1)', syntax: 'connection-name', tips: ALL_NODES_SUCCEED },
  'client|tracking': {
    complexity: 'O(1). Some options may introduce additional complexity.',
    syntax: `status${ON_OFF} [REDIRECT=client-id:integer] [PREFIX=prefix...*] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]`,
  },
  'client|trackinginfo': { complexity: 'O(1)' },
  'client|unblock': {
    complexity: 'O(log N) where N is the number of client connections',
    syntax: 'client-id:integer [unblock-type<TIMEOUT | ERROR>]',
  },
  'client|unpause': { complexity: 'O(N) Where N is the number of paused clients' },
  echo: { complexity: 'O(1)', syntax: 'message' },
  hello: {
    complexity: 'O(1)',
    syntax: '[arguments(protover:integer [AUTH=auth(username password)] [SETNAME=clientname])]',
    history: [
      ['8.1.0', 'A new `availability_zone` field is added to the response if the `availability-zone` config is set.'],
      [
        '6.2.0',
        "`protover` made optional; when called without arguments the command reports the current connection's context.",
      ],
    ],
  },
  ping: {
    complexity: 'O(1)',
    syntax: '[message]',
    tips: ALL_SHARDS_SUCCEED,
  },
  quit: { complexity: 'O(1)' },
  reset: { complexity: 'O(1)' },
  select: { complexity: 'O(1)', syntax: 'index:integer' },
};
