// shell.ts: runs other programs. Every call has a time limit, and a failure says what ran, how it ended and its last words.

import { spawn } from 'node:child_process';
import { accessSync, constants, createWriteStream, type WriteStream } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { limits } from './limits.ts';

/** Something that cannot be had: its message is the one line that a user reads, without a stack. */
export class Refusal extends Error {}

export type CommandOptions = {
  readonly timeoutMs?: number;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
};

export type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs programs and, where it has a log file, keeps there what they print. */
export class Shell {
  readonly #logFile: string | undefined;

  constructor(logFile?: string) {
    this.#logFile = logFile;
  }

  /** The standard output of a command that has to succeed. */
  async run(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
    const outcome = await this.attempt(argv, options);
    if (outcome.code !== 0) throw new Refusal(describeFailure(argv, outcome, this.#logFile));
    return outcome.stdout;
  }

  async succeeds(argv: readonly string[], options: CommandOptions = {}): Promise<boolean> {
    return (await this.attempt(argv, options)).code === 0;
  }

  attempt(argv: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    const child = this.#spawn(argv, options);
    const log = this.#openLog(argv);
    const stdout = collect(child.stdout, log);
    const stderr = collect(child.stderr, log);
    child.stdin.on('error', () => undefined); // a program may end without reading its input
    child.stdin.end(options.input ?? '');
    return settled(child, () => ({ stdout: stdout(), stderr: stderr() })).finally(() => log?.end());
  }

  /** Sends a command's standard output through the streams of `through`, the last of which takes it away. */
  async pipeOut(
    argv: readonly string[],
    through: readonly [...NodeJS.ReadWriteStream[], NodeJS.WritableStream],
  ): Promise<void> {
    const child = this.#spawn(argv, { timeoutMs: limits.imageMs });
    child.stdin.end();
    const stderr = collect(child.stderr, undefined);
    const ended = settled(child, () => ({ stdout: '', stderr: stderr() }));
    const piped = pipeline([child.stdout, ...through]);
    const [outcome] = await Promise.all([ended, piped]);
    if (outcome.code !== 0) throw new Refusal(describeFailure(argv, outcome, undefined));
  }

  /** Sends streams, the first of which is the source, into a command's standard input. */
  async pipeIn(
    argv: readonly string[],
    from: readonly [NodeJS.ReadableStream, ...NodeJS.ReadWriteStream[]],
  ): Promise<void> {
    const child = this.#spawn(argv, { timeoutMs: limits.imageMs });
    const stdout = collect(child.stdout, undefined);
    const stderr = collect(child.stderr, undefined);
    const ended = settled(child, () => ({ stdout: stdout(), stderr: stderr() }));
    // A command that fails closes its input: its own words say more than the broken pipe does.
    await pipeline([...from, child.stdin]).catch(() => undefined);
    const outcome = await ended;
    if (outcome.code !== 0) throw new Refusal(describeFailure(argv, outcome, undefined));
  }

  #spawn(argv: readonly string[], options: CommandOptions) {
    const [command, ...rest] = argv;
    if (command === undefined) throw new Error('a command has at least a name');
    const child = spawn(command, rest, {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? limits.questionMs,
      killSignal: 'SIGKILL',
    });
    // A run that is ended leaves nothing at work behind it, which the next run would meet.
    const end = () => void child.kill();
    process.once('exit', end);
    child.once('close', () => process.removeListener('exit', end));
    return child;
  }

  #openLog(argv: readonly string[]): WriteStream | undefined {
    if (this.#logFile === undefined) return undefined;
    const log = createWriteStream(this.#logFile, { flags: 'a' });
    log.write(`$ ${argv.join(' ')}\n`);
    return log;
  }
}

function collect(stream: Readable, log: WriteStream | undefined): () => string {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  stream.on('data', (chunk: Buffer) => {
    log?.write(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes <= limits.outputBytes) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function settled(child: ReturnType<typeof spawn>, output: () => { stdout: string; stderr: string }): Promise<Outcome> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 127, stdout: '', stderr: error.message }));
    child.on('close', (code, signal) => {
      const { stdout, stderr } = output();
      if (code !== null) resolve({ code, stdout, stderr });
      else
        resolve({
          code: 124,
          stdout,
          stderr: `${stderr}\nended by ${signal}, which is what passing its time limit looks like`,
        });
    });
  });
}

function describeFailure(argv: readonly string[], outcome: Outcome, logFile: string | undefined): string {
  const words = (outcome.stderr.trim() || outcome.stdout.trim()).split('\n').slice(-limits.shownLines).join('\n  ');
  const shown = argv.join(' ').slice(0, 200);
  return `${shown}: failed with exit code ${outcome.code}:\n  ${words}${logFile === undefined ? '' : `\n  All of its output: ${logFile}`}`;
}

/** Where a program lies on PATH, looking past the folders in `except`. */
export function findOnPath(program: string, except: readonly string[] = []): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '' || except.includes(folder)) continue;
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here: look in the next folder
    }
  }
  return undefined;
}
