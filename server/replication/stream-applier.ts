/**
 * Executes the stream of a primary: parses whole commands and runs them as the stream's client. Hot file: no allocation per command.
 * A transaction counts as applied when its EXEC was: a link that breaks in between must repeat it from its MULTI.
 */
import type { Client } from '../commands/client.ts';
import type { Clients } from '../commands/clients.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { EXPIRY_HIDES, EXPIRY_IGNORED } from '../keyspace/keyspace.ts';
import type { Arguments } from '../protocol/arguments.ts';
import type { ReplyWriter } from '../protocol/reply.ts';

/** The parser's answer when the bytes are no whole command. */
const INCOMPLETE = -1;

export interface CommandParser {
  readonly request: Arguments;
  readonly problem: string;
  parse(bytes: Uint8Array, from: number, end: number, authenticated: boolean): number;
}

export interface CommandRunner {
  run(client: Client, args: Arguments): number;
}

export class StreamApplier {
  /** Not empty: the stream holds what is no command, and why. */
  problem = '';
  applied = 0;
  readonly client: Client;
  private readonly parser: CommandParser;
  private readonly runner: CommandRunner;
  private readonly reply: ReplyWriter;
  private readonly clients: Clients;
  private readonly keyspace: Keyspace;
  /** Bytes of a transaction under way that were run (queued) already: the next call brings them again. */
  private queuedBytes = 0;

  constructor(
    client: Client,
    parser: CommandParser,
    runner: CommandRunner,
    reply: ReplyWriter,
    clients: Clients,
    keyspace: Keyspace,
  ) {
    this.client = client;
    this.parser = parser;
    this.runner = runner;
    this.reply = reply;
    this.clients = clients;
    this.keyspace = keyspace;
  }

  /** What a broken link left behind is forgotten. The stream's database stays: a continued stream is still in it. */
  reset(): void {
    this.client.discardTransaction();
    this.queuedBytes = 0;
    this.problem = '';
  }

  /** Runs the whole commands in bytes[from, to); returns how many bytes are done with. The rest must come again, in front. */
  apply(bytes: Uint8Array, from: number, to: number): number {
    const { client, parser, reply, clients, keyspace, runner } = this;
    if (this.problem !== '') return 0;
    reply.attach(client.output);
    clients.current = client;
    clients.currentReply = reply;
    // The primary decides what has expired: its commands see keys that clients of this node no longer do.
    keyspace.expiryMode = EXPIRY_IGNORED;
    let done = from;
    let at = from + this.queuedBytes;
    while (at < to) {
      const next = parser.parse(bytes, at, to, true);
      if (next < 0) {
        if (next !== INCOMPLETE) this.problem = parser.problem;
        break;
      }
      if (parser.request.count > 0) {
        runner.run(client, parser.request);
        this.applied++;
      }
      at = next;
      if (!client.inTransaction) done = at;
    }
    this.queuedBytes = at - done;
    keyspace.expiryMode = EXPIRY_HIDES;
    reply.detach();
    clients.current = null;
    clients.currentReply = null;
    reply.release(client.output);
    return done - from;
  }
}
