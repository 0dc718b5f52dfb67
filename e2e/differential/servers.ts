/**
 * The two servers that a story is told to: ours in this process with a clock of our own, and a valkey-server whose clock libfaketime
 * holds still and moves. Without libfaketime stories do not move time.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DigestVisitor, digestHex } from '../../server/persistence/digest.ts';
import { DumpPayloads } from '../../server/persistence/dump-payload.ts';
import { WholeDataset } from '../../server/persistence/whole-dataset.ts';
import { onlyReply, type Reply } from '../../server/testing/replies.ts';
import { Line } from '../../server/testing/side-by-side.ts';
import { request, TestNode } from '../../server/testing/test-node.ts';
import { START_MS } from './commands/words.ts';
import { comparable } from './replies.ts';
import type { Story } from './story.ts';

/** What a story led to: the replies, and the digest of the whole keyspace. */
export interface Outcome {
  readonly replies: readonly Reply[];
  readonly digest: string;
}

const DIRECTIVES = {
  'list-max-listpack-size': '6',
  'hash-max-listpack-entries': '4',
  'zset-max-listpack-entries': '4',
  'set-max-listpack-entries': '4',
  'set-max-intset-entries': '5',
  'stream-node-max-entries': '3',
};

export class Ours {
  private readonly test = new TestNode({ ...DIRECTIVES, 'enable-debug-command': 'yes' });

  constructor() {
    const { node } = this.test;
    node.rooms.dumps = new DumpPayloads(node.keyspace, node.types);
  }

  async tell(story: Story): Promise<Outcome> {
    const { test } = this;
    const { node } = test;
    let nowMs = START_MS;
    test.at(nowMs);
    const client = test.client();
    client.send('FLUSHALL');
    const replies = story.flatMap((event) => {
      if (event.kind === 'wait') {
        nowMs += event.ms;
        test.at(nowMs);
        return [];
      }
      return [comparable(event.words, onlyReply(client.raw(request(...event.words))))];
    });
    node.clients.remove(client.client);
    const digest = new DigestVisitor();
    new WholeDataset(node.keyspace, node.types, true).tell(digest);
    return { replies, digest: digestHex(digest.total) };
  }
}

/** libfaketime, where the system has it. */
export function findFakeTime(): string | null {
  const found = globSync('/usr/lib/*/faketime/libfaketime.so.1')[0] ?? '/usr/local/lib/faketime/libfaketime.so.1';
  return existsSync(found) ? found : null;
}

const CLOCK_ATTEMPTS = 5000;

export class Theirs {
  readonly movesTime: boolean;
  private readonly process: ChildProcess;
  private readonly folder: string;
  private readonly clock: string;
  private readonly port: number;
  private line: Line | null = null;

  constructor(program: string, port: number) {
    this.folder = mkdtempSync(join(tmpdir(), 'keyherd-differential-'));
    this.clock = join(this.folder, 'clock');
    this.port = port;
    const library = findFakeTime();
    this.movesTime = library !== null;
    this.setClock(START_MS);
    const directives = Object.entries({
      ...DIRECTIVES,
      port,
      bind: '127.0.0.1',
      save: '',
      dir: this.folder,
      'enable-debug-command': 'yes',
    });
    this.process = spawn(
      program,
      directives.flatMap(([name, value]) => [`--${name}`, String(value)]),
      {
        stdio: 'ignore',
        env:
          library === null
            ? process.env
            : {
                ...process.env,
                TZ: 'UTC',
                LD_PRELOAD: library,
                FAKETIME_TIMESTAMP_FILE: this.clock,
                FAKETIME_NO_CACHE: '1',
                FAKETIME_DONT_FAKE_MONOTONIC: '1',
              },
      },
    );
  }

  async open(): Promise<void> {
    this.line = await Line.open(this.port);
    await this.ask([['DEBUG', 'SET-ACTIVE-EXPIRE', '0']]);
  }

  async tell(story: Story): Promise<Outcome> {
    let nowMs = START_MS;
    if (this.movesTime) await this.moveClock(nowMs);
    await this.ask([['RESET'], ['FLUSHALL'], ['SELECT', '0']]);
    const replies: Reply[] = [];
    let batch: (readonly string[])[] = [];
    const flush = async (): Promise<void> => {
      const answers = await this.ask(batch);
      for (const [i, words] of batch.entries()) replies.push(comparable(words, answers[i]!));
      batch = [];
    };
    for (const event of story) {
      if (event.kind === 'command') batch.push(event.words);
      else {
        await flush();
        nowMs += event.ms;
        await this.moveClock(nowMs);
      }
    }
    await flush();
    // A transaction may be open: it ends here, as our digest is taken without one.
    const [, digest] = await this.ask([['RESET'], ['DEBUG', 'DIGEST']]);
    return { replies, digest: String(digest).slice(1) };
  }

  /** Sets the clock and waits until the server sees it: libfaketime looks at its file from time to time. */
  private async moveClock(ms: number): Promise<void> {
    this.setClock(ms);
    for (let attempt = 0; attempt < CLOCK_ATTEMPTS; attempt++) {
      const [time] = await this.ask([['TIME']]);
      const [, seconds, micros] = time as readonly string[];
      if (Number(seconds!.slice(1)) * 1000 + Math.floor(Number(micros!.slice(1)) / 1000) === ms) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    throw new Error(`the clock of the valkey-server did not move to ${new Date(ms).toISOString()}`);
  }

  private setClock(ms: number): void {
    writeFileSync(this.clock, `${new Date(ms).toISOString().replace('T', ' ').replace('Z', '')}\n`);
  }

  private ask(commands: readonly (readonly string[])[]): Promise<Reply[]> {
    return this.line!.askAll(commands);
  }

  close(): void {
    this.line?.close();
    this.process.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
