import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { importsOf, withoutTypes } from './imports.ts';

/**
 * The architecture: every room, where it stands, and which rooms it may import besides itself.
 * Where several rooms fit a file the longest path decides, so a file named here is a door of its own in its folder.
 * `server/*` among the imports stands for every room under server/. Tests (*.test.ts) may import anything.
 */
type Room = {
  readonly room: string;
  readonly at: readonly string[];
  readonly imports: readonly string[];
  /** Modules from outside (`node:` builtins and packages) that it may import; left out: any. */
  readonly packages?: readonly string[];
};

const NONE: readonly string[] = [];
const ASSERT: readonly string[] = ['node:assert'];

const architecture: readonly Room[] = [
  // The server. A request's way: network → protocol → commands → types → keyspace → memory.
  { room: 'memory', at: ['server/memory'], imports: [], packages: ASSERT },
  {
    // What protocol and commands speak in: arguments as ranges of bytes, numbers, errors, replies.
    room: 'words',
    at: ['arguments', 'errors', 'long-double', 'look-ahead', 'numbers', 'regions', 'reply', 'split-words'].map(
      (name) => `server/protocol/${name}.ts`,
    ),
    imports: ['memory'],
    packages: ASSERT,
  },
  // Which kinds of keyspace events and which eviction policies there are: a directive names them, the keyspace knows them.
  {
    room: 'event kinds',
    at: ['server/keyspace/events.ts', 'server/keyspace/eviction-policy.ts'],
    imports: [],
    packages: NONE,
  },
  { room: 'config', at: ['server/config'], imports: ['words', 'event kinds'], packages: ASSERT },
  { room: 'keyspace', at: ['server/keyspace'], imports: ['event kinds', 'memory'], packages: ASSERT },
  { room: 'types', at: ['server/types'], imports: ['config', 'keyspace', 'event kinds', 'memory'], packages: ASSERT },
  { room: 'pubsub', at: ['server/pubsub'], imports: ['command', 'config', 'words', 'memory'], packages: ASSERT },
  {
    room: 'transactions',
    at: ['server/transactions'],
    imports: ['command', 'keyspace', 'event kinds', 'memory'],
    packages: ASSERT,
  },
  { room: 'tracking', at: ['server/tracking'], imports: ['command', 'words', 'memory'], packages: ASSERT },
  // What a user may, as data: a client is some user's.
  { room: 'user', at: ['server/acl/user.ts'], imports: [], packages: NONE },
  { room: 'acl', at: ['server/acl'], imports: ['user', 'command', 'config', 'words', 'memory'], packages: ASSERT },
  {
    // Scripts and functions on a Lua machine: commands are called through what script-host.ts asks for.
    room: 'scripting',
    at: ['server/scripting'],
    imports: ['persistence', 'command', 'words', 'config', 'memory'],
    packages: ASSERT,
  },
  {
    // The door of commands: what a command, its caller and its call are.
    room: 'command',
    at: [
      'blocking',
      'call',
      'categories',
      'client',
      'client-eviction',
      'clients',
      'command',
      'key-references',
      'key-specs',
      'monitors',
      'redaction',
      'registry',
      'replication-room',
      'rooms',
    ].map((name) => `server/commands/${name}.ts`),
    imports: [
      'acl',
      'user',
      'tracking',
      'words',
      'config',
      'pubsub',
      'scripting',
      'transactions',
      'observability',
      'types',
      'keyspace',
      'event kinds',
      'memory',
    ],
    packages: ASSERT,
  },
  // Every family's rows in one place.
  {
    room: 'command table',
    at: ['server/commands/table.ts'],
    imports: ['commands', 'cluster commands', 'command', 'types'],
    packages: NONE,
  },
  {
    room: 'commands',
    at: ['server/commands'],
    imports: [
      'acl',
      'user',
      'tracking',
      'command',
      'words',
      'config',
      'pubsub',
      'scripting',
      'transactions',
      'observability',
      'types',
      'keyspace',
      'event kinds',
      'memory',
    ],
    packages: ASSERT,
  },
  {
    room: 'observability',
    at: ['server/observability'],
    imports: ['acl', 'command', 'words', 'config', 'keyspace', 'event kinds', 'memory'],
    packages: ASSERT,
  },
  {
    room: 'protocol',
    at: ['server/protocol'],
    imports: ['commands', 'command', 'words', 'config'],
    packages: ASSERT,
  },
  {
    room: 'network',
    at: ['server/network'],
    imports: ['protocol', 'command', 'observability', 'words', 'config', 'cluster'],
  },

  // These stand on the keyspace and see of commands no more than their door.
  {
    room: 'persistence',
    at: ['server/persistence'],
    imports: ['words', 'types', 'keyspace', 'event kinds', 'memory'],
    packages: ASSERT,
  },
  {
    room: 'replication',
    at: ['server/replication'],
    imports: ['persistence', 'command', 'words', 'config', 'types', 'keyspace', 'event kinds', 'memory'],
    packages: ASSERT,
  },
  {
    room: 'cluster',
    at: ['server/cluster'],
    imports: ['replication', 'persistence', 'command', 'words', 'config', 'types', 'keyspace', 'event kinds', 'memory'],
    packages: ASSERT,
  },

  {
    // CLUSTER and its kin, and the cluster's word on each request: the one family that stands above the cluster.
    room: 'cluster commands',
    at: ['', '-gate', '-migration', '-room', '-scan', '-slot-stats', '-slots', '-views'].map(
      (part) => `server/commands/cluster${part}.ts`,
    ),
    imports: ['cluster', 'commands', 'command', 'words', 'keyspace', 'event kinds', 'memory'],
    packages: ASSERT,
  },

  // Files: the only I/O besides the network's.
  { room: 'storage', at: ['server/storage'], imports: ['persistence', 'words', 'config'] },

  // The composition root wires the rooms; only the process and the simulation know it.
  { room: 'node', at: ['server/node.ts', 'server/wiring'], imports: ['server/*'] },
  // A node without sockets, for tests and measurements.
  { room: 'testing', at: ['server/testing'], imports: ['server/*'] },
  { room: 'simulation', at: ['server/simulation'], imports: ['server/*'], packages: ASSERT },
  { room: 'server', at: ['server/main.ts'], imports: ['node', 'command', 'config', 'network', 'protocol', 'words'] },

  // The operator. observe → plan → act; the plan is pure, and platforms are the only hands.
  { room: 'resources', at: ['operator/api'], imports: [] },
  {
    // The words that observe, plan and act share, and what a platform is.
    room: 'model',
    at: ['operator/model', 'operator/platform/platform.ts'],
    imports: ['resources'],
    // For the hash that tells a changed pod template, nothing else.
    packages: ['node:crypto'],
  },
  { room: 'plan', at: ['operator/plan'], imports: ['model', 'resources'], packages: NONE },
  { room: 'node client', at: ['operator/node-client'], imports: ['model'] },
  { room: 'observe', at: ['operator/observe'], imports: ['model', 'resources', 'node client'] },
  { room: 'act', at: ['operator/act'], imports: ['observe', 'model', 'resources', 'node client'] },
  { room: 'on kubernetes', at: ['operator/platform/kubernetes'], imports: ['model', 'resources'] },
  { room: 'on processes', at: ['operator/platform/process'], imports: ['model', 'resources'] },
  { room: 'runtime', at: ['operator/runtime'], imports: ['on kubernetes', 'model', 'resources'] },
  {
    room: 'controllers',
    at: ['operator/controllers'],
    imports: ['observe', 'plan', 'act', 'model', 'resources', 'node client', 'runtime'],
  },
  { room: 'local', at: ['operator/local'], imports: ['operator/*'] },
  { room: 'operator', at: ['operator/main.ts'], imports: ['operator/*'] },

  // What judges them.
  { room: 'e2e', at: ['e2e'], imports: ['server/*', 'operator/*', 'tools', 'bench'] },
  { room: 'bench', at: ['bench'], imports: ['server/*', 'operator/*', 'tools', 'e2e'] },
  { room: 'tools', at: ['tools'], imports: ['server/*', 'operator/*', 'e2e', 'bench'] },
];

type Source = { readonly path: string; readonly text: string };

test('every import runs in the direction of the architecture', () => {
  expect(offences(sourcesOfTheHouse())).toEqual([]);
});

test('no room stands on itself by way of others', () => {
  expect(cycles(sourcesOfTheHouse())).toEqual([]);
});

test('every source file stands in a room of the architecture', () => {
  const homeless = sourcesOfTheHouse().filter(({ path }) => roomOf(path) === null);
  expect(homeless.map(({ path }) => path)).toEqual([]);
});

test('an import against the direction is refused', () => {
  const text = "import { run } from '../commands/table.ts';\n";
  expect(offences([{ path: 'server/memory/arena.ts', text }])).toEqual([
    'server/memory/arena.ts imports server/commands/table.ts: memory may not know command table',
  ]);
});

test('an import past a door is refused, and one through it is not', () => {
  const text = "import { ONE_KEY } from '../commands/command.ts';\nimport { get } from '../commands/strings.ts';\n";
  expect(offences([{ path: 'server/cluster/commands.ts', text }])).toEqual([
    'server/cluster/commands.ts imports server/commands/strings.ts: cluster may not know commands',
  ]);
});

test('the server and the operator do not know each other', () => {
  const bad = [
    { path: 'server/node.ts', text: "export * from '../operator/model/view.ts';\n" },
    { path: 'operator/main.ts', text: "import type {\n  Node,\n} from '../server/node.ts';\n" },
  ];
  expect(offences(bad)).toHaveLength(2);
});

test('the plan imports nothing that could do input or output', () => {
  const text =
    "import { readFileSync } from 'node:fs';\nimport pino from 'pino';\nconst late = import('../act/index.ts');\n";
  expect(offences([{ path: 'operator/plan/index.ts', text }])).toEqual([
    'operator/plan/index.ts imports node:fs: plan may not use it',
    'operator/plan/index.ts imports pino: plan may not use it',
    'operator/plan/index.ts imports operator/act/index.ts: plan may not know act',
  ]);
});

test('a cycle between rooms is found', () => {
  const sources = [
    { path: 'operator/observe/index.ts', text: "import { a } from '../act/index.ts';\n" },
    { path: 'operator/act/index.ts', text: "import { b } from '../controllers/index.ts';\n" },
    { path: 'operator/controllers/index.ts', text: "import { c } from '../observe/index.ts';\n" },
  ];
  expect(cycles(sources)).toEqual(['act → controllers → observe → act']);
});

/** One line for each import that the architecture does not allow. */
function offences(sources: readonly Source[]): string[] {
  const found: string[] = [];
  for (const { path, text } of sources) {
    const from = roomOf(path);
    if (from === null) continue;
    for (const target of importsOf(path, text)) {
      if (!target.endsWith('.ts')) {
        if (from.packages !== undefined && !from.packages.includes(target)) {
          found.push(`${path} imports ${target}: ${from.room} may not use it`);
        }
        continue;
      }
      const to = roomOf(target);
      if (to === null) found.push(`${path} imports ${target}: it stands in no room`);
      else if (!mayImport(from, to)) found.push(`${path} imports ${target}: ${from.room} may not know ${to.room}`);
    }
  }
  return found;
}

function mayImport(from: Room, to: Room): boolean {
  if (from.room === to.room) return true;
  return from.imports.some((name) => {
    if (name.endsWith('/*')) return to.at.some((path) => path.startsWith(name.slice(0, -1)));
    return name === to.room;
  });
}

/**
 * Each cycle of rooms once, from its alphabetically first room. Types do not count: two rooms may name each other's
 * (a command's call knows pubsub, and a subscriber is a client), but neither may need the other to run.
 */
function cycles(sources: readonly Source[]): string[] {
  const edges = new Map<string, Set<string>>();
  for (const { path, text } of sources) {
    const from = roomOf(path);
    if (from === null) continue;
    for (const target of importsOf(path, withoutTypes(text))) {
      const to = roomOf(target);
      if (to === null || to.room === from.room) continue;
      edges.set(from.room, (edges.get(from.room) ?? new Set()).add(to.room));
    }
  }
  const found = new Set<string>();
  const done = new Set<string>();
  const walk = (room: string, way: readonly string[]): void => {
    const start = way.indexOf(room);
    if (start !== -1) {
      found.add(asCycle(way.slice(start)));
      return;
    }
    if (done.has(room)) return;
    for (const next of edges.get(room) ?? []) walk(next, [...way, room]);
    done.add(room);
  };
  for (const room of [...edges.keys()].sort()) walk(room, []);
  return [...found].sort();
}

function asCycle(rooms: readonly string[]): string {
  const first = rooms.indexOf([...rooms].sort()[0] ?? '');
  const turned = [...rooms.slice(first), ...rooms.slice(0, first)];
  return [...turned, turned[0]].join(' → ');
}

function roomOf(path: string): Room | null {
  let best: Room | null = null;
  let length = 0;
  for (const room of architecture) {
    for (const at of room.at) {
      if ((path === at || path.startsWith(`${at}/`)) && at.length > length) {
        best = room;
        length = at.length;
      }
    }
  }
  return best;
}

function sourcesOfTheHouse(): Source[] {
  const root = join(import.meta.dirname, '..', '..');
  return globSync('{server,operator,e2e,bench,tools}/**/*.{ts,mjs}', { cwd: root })
    .filter((path) => !path.endsWith('.test.ts') && !path.endsWith('.d.ts'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}
