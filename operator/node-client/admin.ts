/**
 * The operator's hands on nodes, over real connections: one kept per address, opened when first needed and dropped at its first
 * failure. A method's time-out covers the connecting too. Nothing is retried here; the controller looks again and plans afresh.
 */
import {
  type Address,
  type Admin,
  AdminError,
  type MigrationOrder,
  type RawMigration,
  type RawReport,
} from '../model/admin.ts';
import type { SlotRange } from '../model/slots.ts';
import { NodeConnection, type Reply } from './connection.ts';
import { isNodeClientError, NodeError, NodeProtocolError, NodeTimeout } from './errors.ts';

export interface NodeAdminOptions {
  readonly username?: string;
  /** For nodes with requirepass. Asked for at each new connection, so that a changed password is picked up; never logged. */
  readonly password?: () => string | undefined;
}

/** Answers that say that what was asked for is so already: the call did what it says. */
const ALREADY_SO: Readonly<Record<string, readonly RegExp[]>> = {
  'CLUSTER CANCELSLOTMIGRATIONS': [/^ERR No migrations ongoing/],
  'CLUSTER FORGET': [/^ERR Unknown node/],
};

/** A node that loads its dataset answers everything of the report but this: its migrations ended with its last life. */
function noneWhileLoading(error: unknown): Reply {
  if (error instanceof NodeError && error.code === 'LOADING') return [];
  throw error;
}

export class NodeAdmin implements Admin {
  readonly #options: NodeAdminOptions;
  readonly #kept = new Map<string, Kept>();

  constructor(options: NodeAdminOptions = {}) {
    this.#options = options;
  }

  async report(at: Address, configNames: readonly string[], timeoutMs: number): Promise<RawReport> {
    return await this.#on(at, 'report', timeoutMs, async (connection, leftMs) => {
      const call = (...parts: string[]): Promise<Reply> => connection.call(parts, { timeoutMs: leftMs });
      const [info, clusterNodes, clusterInfo, shardId, migrations, config] = await Promise.all([
        call('INFO'),
        call('CLUSTER', 'NODES'),
        call('CLUSTER', 'INFO'),
        call('CLUSTER', 'MYSHARDID'),
        call('CLUSTER', 'GETSLOTMIGRATIONS').catch(noneWhileLoading),
        configNames.length === 0 ? Promise.resolve([]) : call('CONFIG', 'GET', ...configNames),
      ]);
      return {
        info: asText(info, 'INFO'),
        clusterNodes: asText(clusterNodes, 'CLUSTER NODES'),
        clusterInfo: asText(clusterInfo, 'CLUSTER INFO'),
        shardId: asText(shardId, 'CLUSTER MYSHARDID'),
        slotMigrations: asList(migrations, 'CLUSTER GETSLOTMIGRATIONS').map(asMigration),
        config: asConfig(config),
      };
    });
  }

  meet(at: Address, target: Address, timeoutMs: number): Promise<void> {
    return this.#command(at, ['CLUSTER', 'MEET', target.host, String(target.port), String(target.busPort)], timeoutMs);
  }

  addSlots(at: Address, ranges: readonly SlotRange[], timeoutMs: number): Promise<void> {
    return this.#command(at, ['CLUSTER', 'ADDSLOTSRANGE', ...bounds(ranges)], timeoutMs);
  }

  replicate(at: Address, primaryId: string, timeoutMs: number): Promise<void> {
    return this.#command(at, ['CLUSTER', 'REPLICATE', primaryId], timeoutMs);
  }

  migrateSlots(at: Address, orders: readonly MigrationOrder[], timeoutMs: number): Promise<void> {
    const clauses = orders.flatMap(({ ranges, targetId }) => ['SLOTSRANGE', ...bounds(ranges), 'NODE', targetId]);
    return this.#command(at, ['CLUSTER', 'MIGRATESLOTS', ...clauses], timeoutMs);
  }

  cancelSlotMigrations(at: Address, timeoutMs: number): Promise<void> {
    return this.#command(at, ['CLUSTER', 'CANCELSLOTMIGRATIONS'], timeoutMs);
  }

  failover(at: Address, mode: 'graceful' | 'takeover', timeoutMs: number): Promise<void> {
    return this.#command(
      at,
      mode === 'takeover' ? ['CLUSTER', 'FAILOVER', 'TAKEOVER'] : ['CLUSTER', 'FAILOVER'],
      timeoutMs,
    );
  }

  forget(at: Address, nodeId: string, timeoutMs: number): Promise<void> {
    return this.#command(at, ['CLUSTER', 'FORGET', nodeId], timeoutMs);
  }

  flushAll(at: Address, timeoutMs: number): Promise<void> {
    return this.#command(at, ['FLUSHALL', 'SYNC'], timeoutMs);
  }

  resetHard(at: Address, timeoutMs: number): Promise<void> {
    return this.#command(at, ['CLUSTER', 'RESET', 'HARD'], timeoutMs);
  }

  configSet(at: Address, directives: Readonly<Record<string, string>>, timeoutMs: number): Promise<void> {
    return this.#command(at, ['CONFIG', 'SET', ...Object.entries(directives).flat()], timeoutMs);
  }

  /** Closes every connection; calls under way fail. */
  close(): void {
    for (const { opening } of this.#kept.values())
      opening.then(
        (connection) => connection.close(),
        () => {},
      );
    this.#kept.clear();
  }

  async #command(at: Address, parts: readonly string[], timeoutMs: number): Promise<void> {
    const name = parts[0] === 'FLUSHALL' ? 'FLUSHALL' : `${parts[0]} ${parts[1]}`;
    await this.#on(at, name, timeoutMs, async (connection, leftMs) => {
      try {
        await connection.call(parts, { timeoutMs: leftMs });
      } catch (error) {
        if (
          error instanceof NodeError &&
          ALREADY_SO[name]?.some((pattern) => pattern.test(`${error.code} ${error.detail}`))
        )
          return;
        throw error;
      }
    });
  }

  async #on<T>(
    at: Address,
    what: string,
    timeoutMs: number,
    run: (connection: NodeConnection, leftMs: number) => Promise<T>,
  ): Promise<T> {
    const deadlineMs = performance.now() + timeoutMs;
    try {
      const connection = await this.#connection(at, timeoutMs);
      return await run(connection, Math.max(1, deadlineMs - performance.now()));
    } catch (error) {
      throw toAdminError(error, what, at);
    }
  }

  async #connection(at: Address, timeoutMs: number): Promise<NodeConnection> {
    for (const [key, { connection }] of this.#kept) if (connection?.isOpen === false) this.#kept.delete(key);
    const key = `${at.host}:${at.port}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return await kept.opening;
    const opened: Kept = {
      connection: null,
      opening: NodeConnection.open({
        host: at.host,
        port: at.port,
        connectTimeoutMs: timeoutMs,
        callTimeoutMs: timeoutMs,
        username: this.#options.username,
        password: this.#options.password?.(),
      }),
    };
    this.#kept.set(key, opened); // Before the wait: two callers that find none open it once.
    try {
      opened.connection = await opened.opening;
      return opened.connection;
    } catch (error) {
      if (this.#kept.get(key) === opened) this.#kept.delete(key);
      throw error;
    }
  }
}

interface Kept {
  readonly opening: Promise<NodeConnection>;
  /** Null until it is open. */
  connection: NodeConnection | null;
}

function bounds(ranges: readonly SlotRange[]): string[] {
  return ranges.flatMap(({ start, end }) => [String(start), String(end)]);
}

function toAdminError(error: unknown, command: string, at: Address): unknown {
  if (error instanceof NodeError)
    return new AdminError('refused', error.command === 'AUTH' ? 'AUTH' : command, at, `${error.code} ${error.detail}`);
  if (error instanceof NodeTimeout) return new AdminError('timeout', command, at, error.message);
  if (isNodeClientError(error)) return new AdminError('unreachable', command, at, error.message);
  return error;
}

function asText(reply: Reply, command: string): string {
  if (typeof reply !== 'string') throw new NodeProtocolError(command, `expected a text, got ${JSON.stringify(reply)}`);
  return reply;
}

function asList(reply: Reply, command: string): readonly Reply[] {
  if (!Array.isArray(reply)) throw new NodeProtocolError(command, `expected a list, got ${JSON.stringify(reply)}`);
  return reply as readonly Reply[];
}

/** A map of RESP2: name, value, name, value. */
function asMigration(reply: Reply): RawMigration {
  const flat = asList(reply, 'CLUSTER GETSLOTMIGRATIONS');
  const fields: Record<string, string | number> = {};
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const value = flat[index + 1];
    if (typeof value === 'string' || typeof value === 'number') fields[String(flat[index])] = value;
  }
  return fields;
}

function asConfig(reply: Reply): Record<string, string> {
  const flat = asList(reply, 'CONFIG GET');
  const values: Record<string, string> = {};
  for (let index = 0; index + 1 < flat.length; index += 2) values[String(flat[index])] = String(flat[index + 1]);
  return values;
}
