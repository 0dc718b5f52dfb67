/**
 * COMMAND DOCS and COMMAND INFO beside a real valkey-server: equal for every command, field by field.
 * Skipped with a line when there is no valkey-server 9.1.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../../tools/valkey.ts';
import { onlyReply, type Reply } from '../../testing/replies.ts';
import { Line, Side } from '../../testing/side-by-side.ts';
import { request, TestNode } from '../../testing/test-node.ts';
import { CommandRegistry } from '../registry.ts';
import { commandTable } from '../table.ts';
import { documentedNames } from './index.ts';

const PORT = 17_941;
const valkey = findValkeyServer();
if (valkey === null)
  process.stdout.write('skipped: no valkey-server 9.1 to compare the documentation of commands with\n');

const test_ = new TestNode();
const registry = new CommandRegistry(commandTable(test_.node.types));
const names = registry.entries.map((entry) => entry.fullName).sort();

function ours(...words: readonly string[]): Reply {
  const client = test_.client();
  client.send('HELLO', '3');
  return onlyReply(client.raw(request(...words)));
}

/** Sets and maps have no order. */
function sorted(reply: Reply): unknown {
  if (typeof reply === 'string') return reply;
  const [type, ...items] = reply;
  const inner = items.map(sorted);
  if (type === '~') return ['set', ...inner.map((item) => JSON.stringify(item)).sort()];
  if (type !== '%') return [type, ...inner];
  const map: Record<string, unknown> = {};
  for (let i = 0; i < inner.length; i += 2) map[String(inner[i]).slice(1)] = inner[i + 1];
  return map;
}

/** An answer of COMMAND INFO with the subcommands of every command by name: the real server gives them in the order of a table with a random seed. */
function withSubcommandsSorted(reply: Reply): Reply {
  if (typeof reply === 'string') return reply;
  const [type, ...items] = reply;
  const inner = items.map(withSubcommandsSorted);
  const areCommands = inner.every((item) => Array.isArray(item) && String(item[1]).startsWith('$'));
  if (areCommands) inner.sort((one, other) => (String(one[1]) < String(other[1]) ? -1 : 1));
  return [type!, ...inner];
}

test('every documented name is a command', () => {
  const known = new Set(registry.all.map((entry) => entry.fullName));
  expect(documentedNames().filter((name) => !known.has(name))).toEqual([]);
});

describe.skipIf(valkey === null)('beside a real valkey-server', () => {
  let side: Side;
  let theirs: Line;

  beforeAll(async () => {
    side = new Side([valkey!.path], PORT);
    theirs = await Line.open(PORT);
    await theirs.ask(['HELLO', '3']);
  });

  afterAll(() => {
    theirs?.close();
    side?.close();
  });

  test('both have the same commands', async () => {
    const list = (await theirs.ask(['COMMAND', 'LIST'])) as readonly string[];
    const expected = list
      .slice(1)
      .map((name) => name.slice(1))
      .filter((name) => !name.includes('|'));
    expect(names).toEqual(expected.sort());
  });

  test.each(names)('COMMAND DOCS %s', async (name) => {
    expect(sorted(ours('COMMAND', 'DOCS', name))).toEqual(sorted(await theirs.ask(['COMMAND', 'DOCS', name])));
  });

  test.each(names)('COMMAND INFO %s', async (name) => {
    expect(sorted(withSubcommandsSorted(ours('COMMAND', 'INFO', name)))).toEqual(
      sorted(withSubcommandsSorted(await theirs.ask(['COMMAND', 'INFO', name]))),
    );
  });
});
