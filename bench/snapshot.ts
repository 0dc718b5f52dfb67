/**
 * `npm run bench:snapshot`: BGSAVE under writes. How long the longest turn of the event loop is, with two million keys and one hash of a
 * million fields under 50 000 writes/s, and whether the file holds the dataset as it was when the save began.
 *
 * The node runs in a child process, composed as main.ts does it, where every turn is timed twice: by the clock, and by the processor
 * time of its thread. The two differ by what else the machine was doing; the limit holds for the second. Exits non-zero above it.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Settings } from '../server/config/settings.ts';
import { Node } from '../server/node.ts';
import { DigestVisitor, digestHex } from '../server/persistence/digest.ts';
import { RdbReader } from '../server/persistence/rdb/rdb-reader.ts';
import { wireNode } from '../server/wiring/index.ts';

const LIMIT_MS = 10;
const WRITES_PER_SECOND = 50_000;
const WRITERS = 4;
/** Writes of a writer that wait for their replies: when the machine held the node up, it finds no more than this in a turn. */
const MAX_IN_FLIGHT = 100;
/** Turns are timed this long without a save, for comparison. */
const BASELINE_MS = 3000;
const BATCH = 5000;
const VALUE = 'v'.repeat(64);

const { values: options } = parseArgs({
  options: {
    serve: { type: 'string' },
    port: { type: 'string', default: '18010' },
    keys: { type: 'string', default: '2000000' },
    fields: { type: 'string', default: '1000000' },
  },
});
const port = Number(options.port);
const keys = Number(options.keys);
const fields = Number(options.fields);

// --- The child: a node whose turns are timed ------------------------------------------------------------------------------

interface Turns {
  readonly turns: number;
  readonly wall: readonly number[];
  readonly processor: readonly number[];
}

async function serve(directory: string): Promise<void> {
  process.chdir(directory);
  const settings = new Settings();
  for (const [name, value] of Object.entries({
    port: String(port),
    bind: '127.0.0.1',
    save: '',
    'enable-debug-command': 'yes',
  }))
    settings.read(name, [value]);
  const node = new Node({
    settings,
    configFile: '',
    log: (level, message) => {
      if (level !== 'debug') process.stdout.write(`  node: ${message}\n`);
    },
    exit: (code) => process.exit(code),
  });
  wireNode(node);
  await node.start();
  let timer: TurnTimer | null = null;
  process.on('message', (wanted) => {
    if (wanted === 'time') timer = new TurnTimer();
    else process.send!(timer!.end());
  });
  process.send!('ready');
}

/** Times every turn of the event loop, from one check phase to the next. While it does, the loop never sleeps. */
class TurnTimer {
  private readonly wall: number[] = [];
  private readonly processor: number[] = [];
  private wallAtMs = performance.now();
  private processorAtMs = threadMs();
  private turns = 0;
  private ended = false;

  constructor() {
    setImmediate(() => this.turn());
  }

  private turn(): void {
    if (this.ended) return;
    const nowMs = performance.now();
    const processorMs = threadMs();
    this.turns++;
    if (nowMs - this.wallAtMs > 1) this.wall.push(nowMs - this.wallAtMs);
    if (processorMs - this.processorAtMs > 1) this.processor.push(processorMs - this.processorAtMs);
    this.wallAtMs = nowMs;
    this.processorAtMs = processorMs;
    setImmediate(() => this.turn());
  }

  end(): Turns {
    this.ended = true;
    const longest = (times: number[]): number[] => times.sort((a, b) => b - a).slice(0, 1000);
    return { turns: this.turns, wall: longest(this.wall), processor: longest(this.processor) };
  }
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

// --- The parent: loads, writes, saves, compares ---------------------------------------------------------------------------

class Connection {
  private readonly socket: Socket;
  /** Replies that have not come. */
  expected = 0;
  private arrived: (() => void) | null = null;
  private text = '';

  constructor() {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('data', (bytes) => {
      for (const byte of bytes) if (byte === 10) this.expected--;
      if (this.text.length < 8192) this.text += bytes.toString('latin1');
      if (this.expected <= 0) this.arrived?.();
    });
  }

  /** Sends requests whose replies are one line each. */
  send(bytes: string, requests: number): void {
    this.expected += requests;
    this.socket.write(bytes, 'latin1');
  }

  async settled(): Promise<string> {
    while (this.expected > 0)
      await new Promise<void>((resolve) => {
        this.arrived = resolve;
      });
    const { text } = this;
    this.text = '';
    if (text.startsWith('-')) throw new Error(text);
    return text;
  }

  async ask(...words: readonly string[]): Promise<string> {
    this.send(request(words), 1);
    return (await this.settled()).trim();
  }

  close(): void {
    this.socket.destroy();
  }
}

function request(words: readonly string[]): string {
  let text = `*${words.length}\r\n`;
  for (const word of words) text += `$${word.length}\r\n${word}\r\n`;
  return text;
}

const keyName = (index: number): string => `key:${String(index).padStart(12, '0')}`;
const fieldName = (index: number): string => `field:${index}`;

async function fill(connection: Connection, count: number, words: (index: number) => readonly string[]): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    const to = Math.min(count, from + BATCH);
    let text = '';
    for (let index = from; index < to; index++) text += request(words(index));
    connection.send(text, to - from);
    await connection.settled();
  }
}

/** Writes at the wanted rate until it is ended: three of four to keys, one to the hash; new values, new keys, deletions. */
class Writers {
  sent = 0;
  private readonly connections = Array.from({ length: WRITERS }, () => new Connection());
  private readonly timer: NodeJS.Timeout;
  private lastMs = performance.now();
  private owed = 0;

  constructor() {
    this.timer = setInterval(() => this.write(), 1);
  }

  private write(): void {
    const nowMs = performance.now();
    const wanted = this.owed + ((nowMs - this.lastMs) * WRITES_PER_SECOND) / 1000;
    this.owed = Math.min(wanted, WRITERS * MAX_IN_FLIGHT);
    this.lastMs = nowMs;
    const each = Math.floor(this.owed / WRITERS);
    for (const connection of this.connections) {
      const count = Math.min(each, MAX_IN_FLIGHT - connection.expected);
      let text = '';
      for (let i = 0; i < count; i++) text += this.next();
      connection.send(text, count);
      this.owed -= count;
      this.sent += count;
    }
  }

  private next(): string {
    const index = Math.floor(Math.random() * keys * 1.05);
    const kind = Math.random();
    if (kind < 0.7) return request(['SET', keyName(index), `new ${index}`.padEnd(64, '.')]);
    if (kind < 0.75) return request(['DEL', keyName(index)]);
    const field = fieldName(Math.floor(Math.random() * fields * 1.05));
    return kind < 0.95 ? request(['HSET', 'hash', field, `new ${index}`]) : request(['HDEL', 'hash', field]);
  }

  async end(): Promise<void> {
    clearInterval(this.timer);
    for (const connection of this.connections) {
      await connection.settled();
      connection.close();
    }
  }
}

async function measure(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'keyherd-snapshot-'));
  const child = fork(import.meta.filename, [`--serve=${directory}`, `--port=${port}`]);
  const message = (): Promise<unknown> => new Promise((resolve) => child.once('message', resolve));
  try {
    await message();
    const connection = new Connection();
    process.stdout.write(`filling in ${keys} keys and a hash of ${fields} fields\n`);
    await fill(connection, keys, (index) => ['SET', keyName(index), VALUE]);
    await fill(connection, fields, (index) => ['HSET', 'hash', fieldName(index), `value ${index}`]);

    child.send('time');
    const before = new Writers();
    await new Promise((resolve) => setTimeout(resolve, BASELINE_MS));
    child.send('end');
    show('writes alone', (await message()) as Turns, before.sent / (BASELINE_MS / 1000));
    await before.end();

    const digest = (await connection.ask('DEBUG', 'DIGEST')).slice(1);
    child.send('time');
    const startedMs = performance.now();
    await connection.ask('BGSAVE');
    const writers = new Writers();
    await saveEnded();
    const elapsedMs = performance.now() - startedMs;
    child.send('end');
    const turns = (await message()) as Turns;
    await writers.end();
    show(`BGSAVE of ${(elapsedMs / 1000).toFixed(1)} s`, turns, writers.sent / (elapsedMs / 1000));

    const same = digestOfFile(join(directory, 'dump.rdb')) === digest;
    process.stdout.write(`the file ${same ? 'equals' : 'DIFFERS FROM'} the dataset at its start (${digest})\n`);
    const longest = turns.processor[0] ?? 0;
    process.stdout.write(`longest turn ${longest.toFixed(1)} ms of processor time (limit ${LIMIT_MS})\n`);
    process.exitCode = same && longest <= LIMIT_MS ? 0 : 1;
    connection.close();
  } finally {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

/** INFO's reply has many lines: what arrives is looked through as text. */
async function saveEnded(): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (text.includes('rdb_bgsave_in_progress:0')) break;
    text = '';
    socket.write(request(['INFO', 'persistence']), 'latin1');
  }
  socket.destroy();
  if (!text.includes('rdb_last_bgsave_status:ok')) throw new Error('the save failed');
}

function show(title: string, { turns, wall, processor }: Turns, writesPerSecond: number): void {
  const row = (times: readonly number[]): string =>
    [0, 9, 99, 999].map((rank) => `${(times[rank] ?? 1).toFixed(1)}`).join(' / ');
  process.stdout.write(
    `${title}: ${turns} turns, ${Math.round(writesPerSecond)} writes/s; the longest, 10th, 100th and 1000th longest turn: ` +
      `${row(processor)} ms of processor time, ${row(wall)} ms by the clock\n`,
  );
}

function digestOfFile(path: string): string {
  const digest = new DigestVisitor();
  const reader = new RdbReader(digest, path);
  const bytes = new Uint8Array(readFileSync(path));
  reader.push(bytes, 0, bytes.length);
  reader.finish();
  if (reader.error !== null) throw new Error(reader.error);
  return digestHex(digest.total);
}

if (options.serve === undefined) await measure();
else await serve(options.serve);
