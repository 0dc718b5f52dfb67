/** COMMAND GETKEYS and GETKEYSANDFLAGS, and the key specs of COMMAND INFO. Source: Valkey 9.1 server.c getKeysSubcommandImpl. */
import type { ReplyWriter } from '../protocol/reply.ts';
import type { Call } from './call.ts';
import { NO_MANDATORY_KEYS } from './command.ts';
import { KeyReferences } from './key-references.ts';
import { KEY_FLAG_NAMES, type KeySpecification } from './key-specs.ts';

function replyFlags(reply: ReplyWriter, flags: number): void {
  const names = KEY_FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0);
  reply.set(names.length);
  for (const [, name] of names) reply.simple(name);
}

/** The keys of the full command that stands from argument 2 on. */
export function commandGetkeys(call: Call, withFlags: boolean): void {
  const { reply } = call;
  const args = call.args.from(2);
  const entry = call.rooms.registry.lookUp(args);
  if (entry === null) {
    call.fail('ERR Invalid command specified');
    return;
  }
  if (!entry.hasKeys) {
    call.fail('ERR The command has no key arguments');
    return;
  }
  if ((entry.arity > 0 && args.count !== entry.arity) || args.count < -entry.arity) {
    call.fail('ERR Invalid number of arguments specified for command');
    return;
  }
  const keys = new KeyReferences().read(entry, args);
  if (keys.count === 0 && !entry.has(NO_MANDATORY_KEYS)) {
    call.fail('ERR Invalid arguments specified for command');
    return;
  }
  reply.array(keys.count);
  for (let i = 0; i < keys.count; i++) {
    if (withFlags) reply.array(2);
    call.replyArgument(keys.indexes[i]! + 2);
    if (withFlags) replyFlags(reply, keys.flags[i]!);
  }
}

/** The key specs in COMMAND INFO. */
export function replyKeySpecs(reply: ReplyWriter, specs: readonly KeySpecification[]): void {
  reply.set(specs.length);
  for (const spec of specs) {
    reply.map(spec.notes === '' ? 3 : 4);
    if (spec.notes !== '') {
      reply.bulkText('notes');
      reply.bulkText(spec.notes);
    }
    reply.bulkText('flags');
    replyFlags(reply, spec.flags);
    reply.bulkText('begin_search');
    replyBegin(reply, spec);
    reply.bulkText('find_keys');
    replyFind(reply, spec);
  }
}

function replyParts(reply: ReplyWriter, type: string, parts: readonly (readonly [string, string | number])[]): void {
  reply.map(2);
  reply.bulkText('type');
  reply.bulkText(type);
  reply.bulkText('spec');
  reply.map(parts.length);
  for (const [name, value] of parts) {
    reply.bulkText(name);
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkText(value);
  }
}

function replyBegin(reply: ReplyWriter, { begin }: KeySpecification): void {
  if (begin.type === 'index') replyParts(reply, 'index', [['index', begin.index]]);
  else if (begin.type === 'keyword')
    replyParts(reply, 'keyword', [
      ['keyword', begin.keyword],
      ['startfrom', begin.startFrom],
    ]);
  else replyParts(reply, 'unknown', []);
}

function replyFind(reply: ReplyWriter, { find }: KeySpecification): void {
  if (find.type === 'range')
    replyParts(reply, 'range', [
      ['lastkey', find.lastKey],
      ['keystep', find.step],
      ['limit', find.limit],
    ]);
  else if (find.type === 'keynum')
    replyParts(reply, 'keynum', [
      ['keynumidx', find.countIndex],
      ['firstkey', find.firstKey],
      ['keystep', find.step],
    ]);
  else replyParts(reply, 'unknown', []);
}
