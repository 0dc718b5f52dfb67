/** COMMAND DOCS: the documentation of commands, in the form that clients and manuals read. Source: Valkey 9.1 server.c commandDocsCommand. */
import type { Call } from './call.ts';
import { type Argument, argumentsOf, type CommandDoc, docOf } from './docs/index.ts';
import type { CommandEntry } from './registry.ts';

/** A field of a map that is known, and how it is written. */
type Field = readonly [name: string, write: () => void];

export function commandDocs(call: Call): void {
  const { registry } = call.rooms;
  let chosen: readonly CommandEntry[] = registry.entries;
  if (call.count > 2) {
    const named: CommandEntry[] = [];
    for (let i = 2; i < call.count; i++) {
      const entry = registry.named(call.text(i));
      if (entry !== null) named.push(entry);
    }
    chosen = named;
  }
  call.reply.map(chosen.length);
  for (const entry of chosen) replyDocs(call, entry);
}

function replyDocs(call: Call, entry: CommandEntry): void {
  const { reply } = call;
  const { command } = entry;
  const doc = docOf(entry.fullName);
  const flags = flagsOf(doc);
  const args = argumentsOf(doc);
  const text = (name: string, value: string | undefined): Field[] =>
    value === undefined ? [] : [[name, () => reply.bulkText(value)]];
  reply.bulkText(entry.fullName);
  replyMap(call, [
    ...text('summary', command.summary),
    ...text('since', command.since),
    ...text('group', command.group),
    ...text('complexity', doc.complexity),
    ...(flags.length === 0 ? [] : [['doc_flags', () => replyFlags(call, flags)] as const]),
    ...text('deprecated_since', doc.deprecated?.since),
    ...text('replaced_by', doc.deprecated?.replacedBy),
    ...(doc.history === undefined ? [] : [['history', () => replyHistory(call, doc.history!)] as const]),
    ...(args.length === 0 ? [] : [['arguments', () => replyArguments(call, args)] as const]),
    ...(entry.subcommands.length === 0
      ? []
      : [
          [
            'subcommands',
            () => {
              reply.map(entry.subcommands.length);
              for (const subcommand of entry.subcommands) replyDocs(call, subcommand);
            },
          ] as const,
        ]),
  ]);
}

function flagsOf(doc: CommandDoc): string[] {
  return [...(doc.deprecated === undefined ? [] : ['deprecated']), ...(doc.isSystem === true ? ['syscmd'] : [])];
}

function replyMap({ reply }: Call, fields: readonly Field[]): void {
  reply.map(fields.length);
  for (const [name, write] of fields) {
    reply.bulkText(name);
    write();
  }
}

function replyFlags({ reply }: Call, flags: readonly string[]): void {
  reply.set(flags.length);
  for (const flag of flags) reply.simple(flag);
}

function replyHistory({ reply }: Call, history: NonNullable<CommandDoc['history']>): void {
  reply.set(history.length);
  for (const [version, text] of history) {
    reply.array(2);
    reply.bulkText(version);
    reply.bulkText(text);
  }
}

function replyArguments(call: Call, args: readonly Argument[]): void {
  const { reply } = call;
  reply.array(args.length);
  for (const argument of args) {
    const flags = [
      ...(argument.optional ? ['optional'] : []),
      ...(argument.multiple ? ['multiple'] : []),
      ...(argument.multipleToken ? ['multiple_token'] : []),
    ];
    const text = (name: string, value: string | null): Field[] =>
      value === null ? [] : [[name, () => reply.bulkText(value)]];
    replyMap(call, [
      ...text('name', argument.name),
      ...text('type', argument.type),
      ...text('display_text', argument.display),
      ...(argument.keySpec < 0 ? [] : [['key_spec_index', () => reply.integer(argument.keySpec)] as const]),
      ...text('token', argument.token),
      ...text('summary', argument.summary),
      ...text('since', argument.since),
      ...text('deprecated_since', argument.deprecatedSince),
      ...(flags.length === 0 ? [] : [['flags', () => replyFlags(call, flags)] as const]),
      ...(argument.parts.length === 0 ? [] : [['arguments', () => replyArguments(call, argument.parts)] as const]),
    ]);
  }
}
