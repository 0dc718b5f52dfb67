/**
 * A node without sockets, for tests: clients are sessions that are given bytes and whose output is read back.
 * Time stands still unless a test moves it.
 */
import { Client } from '../commands/client.ts';
import { Settings } from '../config/settings.ts';
import { Node } from '../node.ts';
import { Session } from '../protocol/session.ts';
import { requestText } from './replies.ts';

export class TestNode {
  readonly node: Node;
  private nextId = 1000;

  constructor(directives: Readonly<Record<string, string>> = {}) {
    const settings = new Settings();
    for (const [name, value] of Object.entries(directives)) {
      const problem = settings.read(name, value === '' ? [''] : value.split(' '));
      if (problem !== null) throw new Error(`test node: ${name} ${value}: ${problem}`);
    }
    this.node = new Node({ settings, configFile: '', log: () => {}, exit: () => {} });
  }

  at(nowMs: number): this {
    this.node.keyspace.setNow(nowMs);
    return this;
  }

  client(): TestClient {
    return new TestClient(this.node, this.nextId++);
  }
}

export class TestClient {
  readonly client: Client;
  readonly session: Session;
  destroyed = false;
  private received = '';
  private readonly node: Node;

  constructor(node: Node, id: number) {
    this.node = node;
    this.client = new Client(
      id,
      `127.0.0.1:${id}`,
      '127.0.0.1:6379',
      node.keyspace.nowMs,
      node.acl.defaultUser.open,
      node.acl.defaultUser,
    );
    this.session = new Session(this.client, node.context);
    node.clients.add(this.client, {
      flush: () => this.take(),
      resume: () => this.session.resume(),
      destroy: () => {
        this.destroyed = true;
        node.clients.remove(this.client);
      },
      unsentBytes: () => 0,
    });
  }

  private take(): void {
    const { output } = this.client;
    if (output.bytes === null) return;
    for (let i = 0; i < output.length; i++) this.received += String.fromCharCode(output.bytes[i]!);
    this.node.reply.release(output);
  }

  /** Gives raw bytes and returns everything received since the last call, as latin-1 text. */
  raw(bytes: Uint8Array): string {
    this.node.accounting.beginTurn();
    this.session.receive(bytes, bytes.length);
    this.node.clients.settle();
    return this.drain();
  }

  /** What was received since the last call. */
  drain(): string {
    this.node.clients.settle();
    const text = this.received;
    this.received = '';
    return text;
  }

  /** Sends one command and returns its reply as it came. */
  send(...words: readonly string[]): string {
    return this.raw(request(...words));
  }
}

/** A multibulk request; words are latin-1 text. */
export function request(...words: readonly string[]): Uint8Array {
  return Uint8Array.from(requestText(words), (character) => character.charCodeAt(0));
}
