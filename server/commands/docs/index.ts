/** Documentation of all commands, composed from the groups'. */
import type { Argument } from './argument.ts';
import { bitmapDocs } from './bitmap.ts';
import { clusterDocs } from './cluster.ts';
import { connectionDocs } from './connection.ts';
import type { CommandDoc, CommandDocs } from './doc.ts';
import { genericDocs } from './generic.ts';
import { geoDocs } from './geo.ts';
import { hashDocs } from './hash.ts';
import { hyperLogLogDocs } from './hyperloglog.ts';
import { listDocs } from './list.ts';
import { pubsubDocs } from './pubsub.ts';
import { scriptingDocs } from './scripting.ts';
import { serverDocs } from './server.ts';
import { setDocs } from './set.ts';
import { sortedSetDocs } from './sorted-set.ts';
import { streamDocs } from './stream.ts';
import { stringDocs } from './string.ts';
import { parseSyntax } from './syntax.ts';
import { transactionDocs } from './transactions.ts';

export type { Argument } from './argument.ts';
export type { CommandDoc } from './doc.ts';

const groups: readonly CommandDocs[] = [
  stringDocs,
  genericDocs,
  hashDocs,
  listDocs,
  setDocs,
  sortedSetDocs,
  streamDocs,
  geoDocs,
  bitmapDocs,
  hyperLogLogDocs,
  connectionDocs,
  pubsubDocs,
  transactionDocs,
  scriptingDocs,
  serverDocs,
  clusterDocs,
];

const byName: ReadonlyMap<string, CommandDoc> = new Map(groups.flatMap((docs) => Object.entries(docs)));

const NOTHING: CommandDoc = {};

/** Of a command by its full name; empty where there is none to tell. */
export function docOf(fullName: string): CommandDoc {
  return byName.get(fullName) ?? NOTHING;
}

export function argumentsOf(doc: CommandDoc): readonly Argument[] {
  return doc.syntax === undefined ? [] : parseSyntax(doc.syntax);
}

/** Names that have documentation: each must be a command. */
export function documentedNames(): readonly string[] {
  return [...byName.keys()];
}
