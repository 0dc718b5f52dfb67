/**
 * Two servers given the same commands, for tests that compare everything a command does: its reply, the keyspace events it sends,
 * and what it writes to the replication stream. Each is asked over TCP, as a client, as a subscriber and as a replica.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectTo } from './connect.ts';
import { type Reply, ReplyReader, requestText } from './replies.ts';

/** All that one command did. */
export interface Outcome {
  readonly reply: Reply;
  readonly events: readonly string[];
  readonly stream: readonly string[];
}

const MARKER = 'side-by-side-marker';
const MARKER_DATABASE = '15';
/** Between acknowledgements, until the stream begins. */
const ACKNOWLEDGE_MS = 50;

/** One connection whose replies are awaited one by one. */
export class Line {
  private readonly socket: Socket;
  private readonly reader = new ReplyReader();
  private wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.reader.push(bytes.toString('latin1'));
      this.wake();
    });
    socket.on('error', () => {});
  }

  static async open(port: number): Promise<Line> {
    return new Line(await connectTo(port));
  }

  send(words: readonly string[]): void {
    this.socket.write(Buffer.from(requestText(words), 'latin1'));
  }

  async next(): Promise<Reply> {
    for (;;) {
      const reply = this.reader.next();
      if (reply !== null) return reply;
      await this.more();
    }
  }

  ask(words: readonly string[]): Promise<Reply> {
    this.send(words);
    return this.next();
  }

  /** Sends all at once, as a pipeline, and awaits each reply. */
  async askAll(commands: readonly (readonly string[])[]): Promise<Reply[]> {
    this.socket.write(Buffer.from(commands.map(requestText).join(''), 'latin1'));
    const replies: Reply[] = [];
    while (replies.length < commands.length) replies.push(await this.next());
    return replies;
  }

  async skipPayload(): Promise<void> {
    while (!this.reader.skipPayload()) await this.more();
  }

  private more(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

export class Side {
  readonly port: number;
  private readonly process: ChildProcess;
  private readonly folder: string;
  private client!: Line;
  private subscriber!: Line;
  private replica!: Line;
  /** Marks the end of a command in the stream, by a key in a database that no test uses. */
  private marker!: Line;
  private markers = 0;

  /** Starts a server: `command` is the program and its leading arguments. */
  constructor(command: readonly string[], port: number, directives: readonly string[] = []) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), 'keyherd-side-'));
    const words = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', this.folder];
    const events = ['--notify-keyspace-events', 'KEA', '--enable-debug-command', 'yes'];
    this.process = spawn(command[0]!, [...command.slice(1), ...words, ...events, ...directives], { stdio: 'ignore' });
  }

  async open(): Promise<void> {
    this.client = await Line.open(this.port);
    this.subscriber = await Line.open(this.port);
    await this.subscriber.ask(['PSUBSCRIBE', '*']);
    this.marker = await Line.open(this.port);
    await this.marker.ask(['SELECT', MARKER_DATABASE]);
    this.replica = await Line.open(this.port);
    await this.replica.ask(['REPLCONF', 'capa', 'eof', 'version', '9.1.2']);
    this.replica.send(['PSYNC', '?', '-1']);
    await this.replica.skipPayload();
    // The stream begins after an acknowledgement, and one that comes before the server's child ended is not enough.
    const timer = setInterval(() => this.replica.send(['REPLCONF', 'ACK', '0']), ACKNOWLEDGE_MS);
    await this.run(['PING']);
    clearInterval(timer);
  }

  /** Runs one command to its end and gathers what it did. */
  async run(words: readonly string[]): Promise<Outcome> {
    const reply = await this.client.ask(words);
    const mark = `${MARKER}:${++this.markers}`;
    await this.marker.ask(['SET', MARKER, mark]);
    await this.marker.ask(['PUBLISH', MARKER, mark]);
    const events: string[] = [];
    for (;;) {
      const message = (await this.subscriber.next()) as readonly Reply[];
      const channel = String(message.at(-2)).slice(1);
      const content = String(message.at(-1)).slice(1);
      if (content === mark) break;
      if (channel.includes(`@${MARKER_DATABASE}__`)) continue;
      events.push(`${channel} ${content}`);
    }
    const stream: string[] = [];
    for (;;) {
      const command = ((await this.replica.next()) as readonly Reply[]).slice(1).map((word) => String(word).slice(1));
      if (command[2] === mark) break;
      if (['ping', 'replconf', 'select', 'publish'].includes(command[0]!.toLowerCase())) continue;
      stream.push(command.join(' '));
    }
    return { reply, events, stream };
  }

  /** Only the reply. */
  ask(...words: readonly string[]): Promise<Reply> {
    return this.client.ask(words);
  }

  close(): void {
    for (const line of [this.client, this.subscriber, this.replica, this.marker]) line?.close();
    // A server that is asked to end waits for its replica.
    this.process.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
