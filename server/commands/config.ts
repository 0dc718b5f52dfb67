/** CONFIG: the directives of a running node. Source: Valkey 9.1 config.c. */
import { globMatch } from '../config/glob.ts';
import { ERR_ARITY, ERR_LOADING, ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { ADMIN, type Command, LOADING, NO_KEYS, NOSCRIPT, STALE } from './command.ts';

/** An address of this machine, or the path of a Unix socket. */
const LOOPBACK = /^(127\.|\[?::1|\/)/;
/** What the node listens on: a change is applied by listening anew. */
const LISTENING: readonly string[] = ['port', 'bind'];

/** Where DEBUG and protected directives are allowed: a directive of the kind no, yes, local. */
export function isAllowedBy(call: Call, directive: string): boolean {
  const allowed = call.rooms.settings.text(directive);
  return allowed === 'yes' || (allowed === 'local' && LOOPBACK.test(call.client.address));
}

/** A name without a pattern's characters is taken as it is written, hidden or not; a pattern finds what is not hidden. */
function get(call: Call): void {
  const { settings } = call.rooms;
  const found = new Map<string, string>();
  for (let i = 2; i < call.count; i++) {
    const word = call.text(i);
    if (!/[[*?]/.test(word)) {
      const directive = settings.directive(word);
      if (directive !== null) found.set(word, settings.text(directive.name));
      continue;
    }
    const pattern = call.copy(i);
    const matches = (name: string): boolean => {
      const bytes = new TextEncoder().encode(name);
      return globMatch(pattern, 0, pattern.length, bytes, 0, bytes.length, true);
    };
    for (const [name, value] of settings.entries(matches)) found.set(name, value);
  }
  call.reply.map(found.size);
  for (const name of [...found.keys()].sort()) {
    call.reply.bulkText(name);
    call.reply.bulkText(found.get(name)!);
  }
}

interface Change {
  readonly name: string;
  readonly value: string;
}

const failed = (name: string, problem: string): string =>
  `ERR CONFIG SET failed (possibly related to argument '${name}') - ${problem}`;

/** The changes that are asked for, each checked; or the error. All is checked before anything is set. */
function changesOf(call: Call): readonly Change[] | string {
  const { settings } = call.rooms;
  const names: string[] = [];
  for (let i = 2; i < call.count; i += 2) {
    const name = call.text(i);
    const directive = settings.directive(name);
    if (directive === null) return `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`;
    if (!directive.live) return failed(name, "can't set immutable config");
    if (directive.isProtected === true && !isAllowedBy(call, 'enable-protected-configs'))
      return failed(name, "can't set protected config");
    if (directive.name === 'dir' && call.rooms.host.isLoading()) return ERR_LOADING;
    if (names.includes(directive.name)) return failed(name, 'duplicate parameter');
    names.push(directive.name);
  }
  const changes: Change[] = [];
  for (const [index, name] of names.entries()) {
    const given = call.text(3 + index * 2);
    const value = name === 'client-output-buffer-limit' ? `${settings.text(name)} ${given}` : given;
    const normalised = settings.normalise(settings.directive(name)!, value);
    if ('problem' in normalised) return failed(call.text(2 + index * 2).toLowerCase(), normalised.problem);
    changes.push({ name, value: normalised.value });
  }
  return changes;
}

function set(call: Call): void {
  if (call.count % 2 !== 0) return call.fail(ERR_SYNTAX);
  const changes = changesOf(call);
  if (typeof changes === 'string') return call.fail(changes);
  const { settings } = call.rooms;
  const listening = changes.filter(({ name, value }) => LISTENING.includes(name) && value !== settings.text(name));
  if (listening.length === 0) {
    const problem = apply(call, changes);
    if (problem === null) call.reply.ok();
    else call.fail(problem);
    return;
  }
  listenAnew(call, changes, listening[0]!.name);
}

/** Sets them one by one; where one cannot be applied, those before it get their old values back. The error or null. */
function apply(call: Call, changes: readonly Change[]): string | null {
  const { settings } = call.rooms;
  const before = changes.map(({ name }) => settings.text(name));
  for (const [index, { name, value }] of changes.entries()) {
    const problem = settings.apply(name, value);
    if (problem === null) continue;
    for (let i = 0; i < index; i++) settings.apply(changes[i]!.name, before[i]!);
    return failed(name, problem);
  }
  return null;
}

/** The client waits until the node listens where it is asked to, or still listens where it did. */
function listenAnew(call: Call, changes: readonly Change[], argument: string): void {
  const { client } = call;
  const { host, clients, settings } = call.rooms;
  if (call.inExec) return call.fail(failed(argument, 'it takes its time: not within a transaction'));
  const wanted = (name: string) => changes.find((one) => one.name === name)?.value ?? settings.text(name);
  const waiter = { deadlineMs: 0, timedOut: () => {}, cancelled: () => {} };
  clients.block(client, waiter);
  host.listenAnew(Number(wanted('port')), wanted('bind'), (listens) => {
    const refusal =
      argument === 'port'
        ? 'Unable to listen on this port. Check server logs.'
        : 'Failed to bind to specified addresses.';
    const problem = listens ? apply(call, changes) : failed(argument, refusal);
    if (client.waiter !== waiter) return;
    clients.resume(client, (reply) => (problem === null ? reply.ok() : reply.error(problem)));
  });
}

function rewrite(call: Call): void {
  const problem = call.rooms.host.rewriteConfig(false);
  if (problem === null) call.reply.ok();
  else call.fail(problem);
}

const SERVER = { group: 'server', keys: NO_KEYS } as const;
const FLAGS = ADMIN | NOSCRIPT | LOADING | STALE;

/** `resetstat`: what sets the statistics to zero. */
export const configCommand = (resetstat: (call: Call) => void): Command => ({
  ...SERVER,
  name: 'config',
  arity: -2,
  since: '2.0.0',
  flags: 0,
  summary: 'A container for server configuration commands.',
  run: (call) => call.fail(ERR_ARITY('config')),
  subcommands: [
    {
      ...SERVER,
      name: 'get',
      arity: -3,
      since: '2.0.0',
      flags: FLAGS,
      summary: 'Returns the effective values of configuration parameters.',
      run: get,
    },
    {
      ...SERVER,
      name: 'set',
      arity: -4,
      since: '2.0.0',
      flags: FLAGS,
      summary: 'Sets configuration parameters in-flight.',
      run: set,
    },
    {
      ...SERVER,
      name: 'rewrite',
      arity: 2,
      since: '2.8.0',
      flags: FLAGS,
      summary: 'Persists the effective configuration to file.',
      run: rewrite,
    },
    {
      ...SERVER,
      name: 'resetstat',
      arity: 2,
      since: '2.0.0',
      flags: FLAGS,
      summary: "Resets the server's statistics.",
      run: resetstat,
    },
    {
      ...SERVER,
      name: 'help',
      arity: 2,
      since: '5.0.0',
      flags: LOADING | STALE,
      summary: 'Returns helpful text about the different subcommands.',
      run: (call) =>
        call.help([
          'GET <pattern>',
          '    Return parameters matching the glob-like <pattern> and their values.',
          'SET <directive> <value>',
          '    Set the configuration <directive> to <value>.',
          'RESETSTAT',
          '    Reset statistics reported by the INFO command.',
          'REWRITE',
          '    Rewrite the configuration file.',
        ]),
    },
  ],
});
