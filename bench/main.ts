/**
 * npm run bench: keyherd and a real valkey-server 9.1 side by side, in one run on one machine.
 *
 * Prints a table of ratios and writes bench/results.md and bench/results.json.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { provideBenchmark, provideValkeyServer, type Tool } from '../tools/valkey.ts';
import { measureElements } from './elements.ts';
import { measureFanOut } from './fan-out.ts';
import { gateOf } from './gates.ts';
import { type Effort, type Figure, measureMemory, measureStart, measureThroughput, type Pair } from './measurements.ts';
import { measureMigration } from './migration.ts';
import { json, machineFacts, markdown, table } from './report.ts';
import { type ServerCommand, Servers } from './server-process.ts';
import { WORKLOADS } from './workloads.ts';

const OTHERS = ['fan-out', 'memory', 'elements', 'migration', 'start'] as const;
const NAMES: readonly string[] = [...WORKLOADS.map(({ name }) => name), ...OTHERS];

const USAGE = `npm run bench -- [--only NAME[,NAME ...]] [--quick] [--gate] [--subject PROGRAM]
  --only     measure these alone, and write no files: ${NAMES.join(', ')}
  --quick    one run of a tenth of the requests: a rough look in about two minutes
  --gate     exit with 1 when a figure misses its gate
  --subject  measure this server in keyherd's place and write no files (valkey-server against itself shows the
             noise of the machine)
`;

const FULL: Effort = { runs: 5, scale: 1 };
const QUICK: Effort = { runs: 1, scale: 0.1 };

const root = join(import.meta.dirname, '..');

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const { values: options } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      gate: { type: 'boolean', default: false },
      subject: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (options.help) return void process.stdout.write(USAGE);
  const wanted = selection(options.only);
  const effort = options.quick ? QUICK : FULL;

  const valkey = provideValkeyServer();
  const client = provideBenchmark();
  if (valkey === null || client === null) {
    process.exitCode = 1;
    return;
  }

  const pair: Pair = {
    ours:
      options.subject === undefined
        ? builtServer()
        : { name: basename(options.subject), program: options.subject, args: [] },
    valkey: { name: 'valkey', program: valkey.path, args: ['--io-threads', '1'] },
  };
  const servers = new Servers();
  const say = (line: string) => void process.stderr.write(`bench: ${line}\n`);
  const workloads = WORKLOADS.filter(({ name }) => wanted(name));

  const figures: Figure[] = [];
  if (wanted('start')) figures.push(...(await measureStart(servers, pair, effort)));
  if (wanted('migration')) figures.push(...(await measureMigration(servers, pair, effort, say)));
  if (wanted('fan-out')) figures.push(...(await measureFanOut(servers, pair, effort, say)));
  if (wanted('elements')) figures.push(...(await measureElements(servers, pair, say)));
  if (wanted('memory')) figures.push(...(await measureMemory(servers, pair, say)));
  if (workloads.length > 0) {
    figures.unshift(...(await measureThroughput(servers, pair, client.path, workloads, effort, say)));
  }

  // A part of the figures does not replace the whole.
  if (options.subject === undefined && options.only === undefined) writeResults(figures, effort, valkey, client);
  process.stdout.write(`${table(figures)}\n`);

  if (options.gate) {
    const missed = figures.filter((figure) => gateOf(figure)?.holds === false);
    process.stdout.write(
      missed.length === 0 ? 'every gate holds\n' : `missed: ${missed.map(({ name }) => name).join(', ')}\n`,
    );
    if (missed.length > 0) process.exitCode = 1;
  }
}

function writeResults(figures: readonly Figure[], effort: Effort, valkey: Tool, client: Tool): void {
  const machine = machineFacts({
    keyherd: (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
    valkey: `${valkey.version} (${allocatorOf(valkey)})`,
    client: `${basename(client.path)} ${client.version}`,
  });
  writeFileSync(join(root, 'bench', 'results.md'), markdown(figures, machine, effort));
  writeFileSync(join(root, 'bench', 'results.json'), json(figures, machine, effort));
}

/** What is measured is what is shipped: stripping types at every start belongs to development. */
function builtServer(): ServerCommand {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'tools', 'build.ts')], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`building dist failed: ${stderr.trim()}`);
  return { name: 'keyherd', program: process.execPath, args: [join(root, 'dist', 'server', 'main.js')] };
}

/** The memory figure depends on the allocator that a valkey-server was built with: `malloc=libc`, `malloc=jemalloc-5.3.0`. */
function allocatorOf(valkey: Tool): string {
  const { stdout } = spawnSync(valkey.path, ['--version'], { encoding: 'utf8' });
  return stdout.match(/malloc=\S+/)?.[0] ?? 'allocator unknown';
}

/** Says whether a measurement is wanted: all are when none is named. */
function selection(only: readonly string[] | undefined): (name: string) => boolean {
  if (only === undefined) return () => true;
  const names = only.flatMap((list) => list.split(',')).map((name) => name.trim().toLowerCase());
  const known = NAMES.map((name) => name.toLowerCase());
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(',')}: the names are ${known.join(', ')}`);
  return (name) => names.includes(name.toLowerCase());
}
