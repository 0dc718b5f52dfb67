/**
 * The process: arguments and valkey.conf, the log, signals. `keyherd-server [file] [--directive value …]`, as valkey-server has it.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { chdir } from 'node:process';
import { pino } from 'pino';
import type { ShutdownWish } from './commands/rooms.ts';
import { linesOfArguments, readLine } from './config/config-text.ts';
import { Settings, SettingsError } from './config/settings.ts';
import { REDIS_VERSION, VALKEY_VERSION } from './config/version.ts';
import { Node } from './node.ts';
import { wordsOfLine } from './protocol/parser.ts';
import { wireNode } from './wiring/index.ts';

const USAGE = `Usage: keyherd-server [/path/to/valkey.conf] [--directive value …]
       keyherd-server -v | --version
       keyherd-server -h | --help
Examples:
       keyherd-server                       the defaults, port 6379
       keyherd-server valkey.conf
       keyherd-server --port 7777 --save ""
       keyherd-server valkey.conf --loglevel verbose`;

const PINO_LEVELS = { debug: 'debug', verbose: 'debug', notice: 'info', warning: 'warn' } as const;

function fail(message: string): never {
  process.stderr.write(`keyherd-server: ${message}\n`);
  process.exit(1);
}

/** A file may include others, so deep at most. */
const MAX_INCLUDES = 16;

function readFile(settings: Settings, path: string, depth = 0): void {
  if (depth > MAX_INCLUDES) throw new SettingsError(`${path}: files include each other more than ${MAX_INCLUDES} deep`);
  let text: string;
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (problem) {
    throw new SettingsError(`${path}: cannot be read: ${problem instanceof Error ? problem.message : String(problem)}`);
  }
  for (const [index, line] of text.split('\n').entries())
    readLine(settings, `${path}:${index + 1}`, line, wordsOfLine, (other) => readFile(settings, other, depth + 1));
}

function readArguments(settings: Settings, words: readonly string[]): void {
  for (const line of linesOfArguments(words, wordsOfLine))
    readLine(settings, 'command line', line, wordsOfLine, (path) => readFile(settings, path));
}

/** What `shutdown-on-sigterm` and its like ask for. */
function wishOf(words: string): ShutdownWish {
  const given = words.split(' ');
  const save = given.includes('save') ? true : null;
  return { save: given.includes('nosave') ? false : save, force: given.includes('force') };
}

function writePidfile(path: string): void {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (problem) {
    fail(`pidfile ${path}: cannot be written: ${problem instanceof Error ? problem.message : String(problem)}`);
  }
}

/** The first lines of the log: what runs here, and which directives were given in vain. Tools wait for the words of Valkey's log. */
function announce(node: Node, settings: Settings): void {
  const mode = settings.flag('cluster-enabled') ? 'cluster' : 'standalone';
  node.log(
    'notice',
    `keyherd-server, compatible with Valkey ${VALKEY_VERSION}, Node.js ${process.version}, PID: ${process.pid}, ` +
      `Running mode=${mode}, port=${settings.integer('port')}`,
  );
  const inert = settings.inertInUse();
  if (inert.length > 0)
    node.log('notice', `Without effect here: ${inert.map((one) => `${one.name} (${one.inert})`).join(', ')}`);
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  if (words[0] === '-v' || words[0] === '--version') {
    process.stdout.write(
      `keyherd-server, compatible with Valkey ${VALKEY_VERSION} (protocol ${REDIS_VERSION}), Node.js ${process.version}\n`,
    );
    return;
  }
  if (words[0] === '-h' || words[0] === '--help') {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const settings = new Settings();
  const given = words[0] !== undefined && !words[0].startsWith('--') ? words[0] : '';
  // Absolute: the process goes to `dir`.
  const configFile = given === '' || given === '-' ? '' : resolve(given);
  try {
    if (given !== '') readFile(settings, given);
    readArguments(settings, given === '' ? words : words.slice(1));
    chdir(settings.text('dir'));
  } catch (problem) {
    if (problem instanceof SettingsError) fail(`FATAL CONFIG FILE ERROR: ${problem.message}`);
    fail(`--dir '${settings.text('dir')}': ${problem instanceof Error ? problem.message : String(problem)}`);
  }
  const logfile = settings.text('logfile');
  const logger = pino(
    { base: { pid: process.pid }, level: 'info' },
    pino.destination({ dest: logfile === '' ? 1 : logfile, sync: true }),
  );
  settings.watch('loglevel', (level) => {
    logger.level = level === 'nothing' ? 'silent' : PINO_LEVELS[level as keyof typeof PINO_LEVELS];
  });
  const pidfile = settings.text('pidfile');
  if (pidfile !== '') writePidfile(pidfile);
  const node = new Node({
    settings,
    configFile,
    log: (level, message) => logger[PINO_LEVELS[level]](message),
    exit: (code) => {
      if (pidfile !== '') rmSync(pidfile, { force: true });
      process.exit(code);
    },
  });
  try {
    for (const { from, to } of settings.renames) {
      const problem = node.registry.rename(from, to);
      if (problem !== null) fail(`FATAL CONFIG FILE ERROR: 'rename-command ${from} ${to}': ${problem}`);
    }
    wireNode(node);
  } catch (problem) {
    node.log('warning', problem instanceof Error ? problem.message : String(problem));
    fail(problem instanceof Error ? problem.message : String(problem));
  }
  announce(node, settings);
  process.on('SIGTERM', () => node.shutdown.signal(wishOf(settings.text('shutdown-on-sigterm')), false));
  process.on('SIGINT', () => node.shutdown.signal(wishOf(settings.text('shutdown-on-sigint')), true));
  try {
    await node.start();
  } catch (problem) {
    node.log('warning', problem instanceof Error ? problem.message : String(problem));
    if (pidfile !== '') rmSync(pidfile, { force: true });
    fail(problem instanceof Error ? problem.message : String(problem));
  }
}

await main();
