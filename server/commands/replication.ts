/**
 * Commands of replication: PSYNC, SYNC, REPLCONF, REPLICAOF, SLAVEOF, ROLE, WAIT.
 * Source of arity, flags and replies: Valkey 9.1 replication.c and commands/*.json.
 */
import { ERR_NOT_INTEGER, ERR_SYNTAX, ERR_WAITAOF_WITHOUT_FILE } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { STREAM_CLIENT } from './client.ts';
import type { Command } from './command.ts';
import * as flag from './command.ts';
import type { ReplicationRoom } from './replication-room.ts';

const MAX_PORT = 65535;

export const replicationCommands: readonly Command[] = [
  {
    name: 'psync',
    arity: -3,
    group: 'server',
    since: '2.8.0',
    summary: 'An internal command used in replication.',
    flags: flag.ADMIN | flag.NOSCRIPT | flag.NO_ASYNC_LOADING | flag.NO_MULTI,
    keys: flag.NO_KEYS,
    run(call) {
      const offset = call.integer(2);
      if (call.failed) return;
      const takesOver = call.count > 3 && call.is(3, 'FAILOVER');
      const refusal = takesOver ? roomOf(call).takeOver(call.text(1)) : null;
      const problem = refusal ?? roomOf(call).synchronise(call.client, call.text(1), offset);
      if (problem !== null) call.reply.error(problem);
    },
  },
  {
    name: 'sync',
    arity: 1,
    group: 'server',
    since: '1.0.0',
    summary: 'An internal command used in replication.',
    flags: flag.ADMIN | flag.NOSCRIPT | flag.NO_ASYNC_LOADING | flag.NO_MULTI,
    keys: flag.NO_KEYS,
    run(call) {
      const problem = roomOf(call).synchronise(call.client, null, -1);
      if (problem !== null) call.reply.error(problem);
    },
  },
  {
    name: 'replconf',
    arity: -1,
    group: 'server',
    since: '3.0.0',
    summary: 'An internal command for configuring the replication stream.',
    flags: flag.ADMIN | flag.NOSCRIPT | flag.LOADING | flag.STALE | flag.ALLOW_BUSY,
    keys: flag.NO_KEYS,
    run: replconf,
  },
  replicaOf('replicaof', '5.0.0', 'Configures a server as replica of another, or promotes it to a primary.'),
  replicaOf('slaveof', '1.0.0', 'Sets a server as a replica of another, or promotes it to being a primary.'),
  {
    name: 'role',
    arity: 1,
    group: 'server',
    since: '2.8.12',
    summary: 'Returns the replication role.',
    flags: flag.NOSCRIPT | flag.LOADING | flag.STALE | flag.FAST | flag.DANGEROUS,
    keys: flag.NO_KEYS,
    run: role,
  },
  {
    name: 'failover',
    arity: -1,
    group: 'server',
    since: '6.2.0',
    summary: 'Starts a coordinated failover from a server to one of its replicas.',
    flags: flag.ADMIN | flag.NOSCRIPT | flag.STALE,
    keys: flag.NO_KEYS,
    run: failover,
  },
  {
    name: 'waitaof',
    arity: 4,
    group: 'generic',
    since: '7.2.0',
    summary:
      'Blocks until all of the preceding write commands sent by the connection are written to the append-only file of the primary and/or replicas.',
    flags: flag.BLOCKING,
    keys: flag.NO_KEYS,
    run: waitaof,
  },
  {
    name: 'wait',
    arity: 3,
    group: 'generic',
    since: '3.0.0',
    summary:
      'Blocks until the asynchronous replication of all preceding write commands sent by the connection is completed.',
    flags: flag.BLOCKING,
    keys: flag.NO_KEYS,
    run: wait,
  },
];

function roomOf(call: Call): ReplicationRoom {
  const room = call.rooms.replication;
  if (room === undefined) throw new Error('commands: the node was composed without replication');
  return room;
}

function replconf(call: Call): void {
  const { reply } = call;
  const room = roomOf(call);
  if (call.count % 2 === 0) {
    reply.error('ERR syntax error');
    return;
  }
  let answered = true;
  for (let i = 1; i < call.count; i += 2) {
    if (call.is(i, 'GETACK')) {
      // The primary asks; what is applied so far is acknowledged once this turn's bytes are.
      if (call.client.kind === STREAM_CLIENT) room.acknowledgeSoon();
      return;
    }
    const problem = room.configure(call.client, call.text(i).toLowerCase(), call.text(i + 1));
    if (problem === undefined) answered = false;
    else if (problem !== null) {
      reply.error(problem);
      return;
    }
  }
  if (answered) reply.ok();
}

function replicaOf(name: string, since: string, summary: string): Command {
  return {
    name,
    arity: 3,
    group: 'server',
    since,
    summary,
    flags: flag.ADMIN | flag.NOSCRIPT | flag.STALE | flag.NO_ASYNC_LOADING,
    keys: flag.NO_KEYS,
    run(call) {
      if (call.keyspace.slots > 1) {
        call.reply.error(`ERR ${name.toUpperCase()} not allowed in cluster mode.`);
        return;
      }
      if (call.is(1, 'NO') && call.is(2, 'ONE')) {
        call.reply.simple(roomOf(call).follow(null));
        return;
      }
      const port = call.integer(2, 'ERR Invalid master port');
      if (call.failed) return;
      if (port < 0 || port > MAX_PORT) {
        call.reply.error('ERR Invalid master port');
        return;
      }
      call.reply.simple(roomOf(call).follow({ host: call.text(1), port }));
    },
  };
}

function role(call: Call): void {
  const { reply } = call;
  const room = roomOf(call);
  const link = room.link();
  if (link !== null) {
    reply.array(5);
    reply.bulkText('slave');
    reply.bulkText(link.host);
    reply.integer(link.port);
    reply.bulkText(link.state);
    reply.integer(link.state === 'connected' ? link.offset : -1);
    return;
  }
  const replicas = room.replicas();
  reply.array(3);
  reply.bulkText('master');
  reply.integer(room.offset());
  reply.array(replicas.length);
  for (const replica of replicas) {
    reply.array(3);
    reply.bulkText(replica.address);
    reply.bulkText(String(replica.port));
    reply.bulkText(String(replica.offset));
  }
}

function failover(call: Call): void {
  if (call.keyspace.slots > 1) return call.fail('ERR FAILOVER not allowed in cluster mode.');
  let target: { host: string; port: number } | null = null;
  let timeoutMs = 0;
  let force = false;
  let abort = false;
  for (let i = 1; i < call.count; i++) {
    if (call.is(i, 'TIMEOUT') && i + 1 < call.count && timeoutMs === 0) {
      timeoutMs = call.integer(++i);
      if (call.failed) return;
      if (timeoutMs <= 0) return call.fail('ERR FAILOVER timeout must be greater than 0');
    } else if (call.is(i, 'ABORT') && call.count === 2) abort = true;
    else if (call.is(i, 'TO') && i + 2 < call.count && target === null) {
      const port = call.integer(i + 2);
      if (call.failed) return;
      target = { host: call.text(i + 1), port };
      i += 2;
    } else if (call.is(i, 'FORCE') && !force) force = true;
    else return call.fail(ERR_SYNTAX);
  }
  const room = roomOf(call);
  if (!abort) {
    if (room.link() !== null) return call.fail('ERR FAILOVER is not valid when server is a replica.');
    if (force && (target === null || timeoutMs === 0) && room.replicas().length > 0)
      return call.fail('ERR FAILOVER with force option requires both a timeout and target HOST and IP.');
  }
  const problem = abort ? room.abortFailover() : room.failOver(target, force, timeoutMs);
  if (problem === null) call.reply.ok();
  else call.fail(problem);
}

function waitaof(call: Call): void {
  const local = call.integer(1);
  const replicas = call.failed ? 0 : call.integer(2);
  const timeoutMs = call.failed ? 0 : call.integer(3, 'ERR timeout is not an integer or out of range');
  if (call.failed) return;
  if (local < 0 || local > 1) return call.fail('ERR value is out of range, value must between 0 and 1');
  if (replicas < 0) return call.fail('ERR value is out of range, must be positive');
  if (timeoutMs < 0) return call.fail('ERR timeout is negative');
  const room = roomOf(call);
  if (room.link() !== null) {
    return call.fail(
      'ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.',
    );
  }
  const file = call.rooms.appendOnly;
  if (local === 1 && !call.rooms.settings.flag('appendonly')) return call.fail(ERR_WAITAOF_WITHOUT_FILE);
  const offset = room.offset();
  const isLocal = (file?.durablePosition ?? -1) >= offset;
  const durable = room.durableAt(offset);
  if (((isLocal || local === 0) && durable >= replicas) || call.inExec) {
    call.reply.array(2);
    call.reply.integer(isLocal ? 1 : 0);
    call.reply.integer(durable);
    return;
  }
  room.waitDurable(call.client, local === 1, replicas, timeoutMs === 0 ? 0 : call.nowMs + timeoutMs);
}

function wait(call: Call): void {
  const room = roomOf(call);
  if (room.link() !== null) {
    call.reply.error(
      'ERR WAIT cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.',
    );
    return;
  }
  const replicas = call.integer(1);
  if (call.failed) return;
  const timeoutMs = call.timeoutMilliseconds(2);
  if (call.failed) return;
  if (!Number.isSafeInteger(replicas)) {
    call.reply.error(ERR_NOT_INTEGER);
    return;
  }
  const acknowledged = room.acknowledgedBy(room.offset());
  if (acknowledged >= replicas || call.inExec) {
    call.reply.integer(acknowledged);
    return;
  }
  room.wait(call.client, replicas, timeoutMs === 0 ? 0 : call.nowMs + timeoutMs);
}
