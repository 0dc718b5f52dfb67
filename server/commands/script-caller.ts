/**
 * What stands between a script's redis.call and the command: the checks that scripts are subject to, and the client they call as.
 * Hot file: no allocation per call. Source: Valkey 9.1 module.c VM_CallArgv in script mode, script.c.
 *
 * While a script runs the reply writer is attached to the script client's output: each command's reply stands there by itself, is
 * turned into a Lua value, and is forgotten.
 */
import { PERMITTED } from '../acl/check.ts';
import type { Arguments } from '../protocol/arguments.ts';
import { ERR_MASTERDOWN, ERR_NOT_IN_SCRIPT, ERR_OOM, ERR_UNKNOWN_SUBCOMMAND } from '../protocol/errors.ts';
import { latin1 } from '../protocol/numbers.ts';
import type { ReplyWriter } from '../protocol/reply.ts';
import type { LogLevel, ScriptHost } from '../scripting/script-host.ts';
import {
  ALLOW_OOM,
  ALLOW_STALE,
  ANY_SLOT,
  COMPATIBLE,
  NO_CLUSTER,
  NO_WRITES,
  REPLICATE_REPLICAS,
  type ScriptRun,
} from '../scripting/script-run.ts';
import { Call } from './call.ts';
import { Client, NORMAL_CLIENT, STREAM_CLIENT } from './client.ts';
import * as flag from './command.ts';
import { type Executor, NO_SLOT } from './executor.ts';
import type { CommandEntry } from './registry.ts';
import type { Rooms } from './rooms.ts';

const ERR_UNKNOWN = 'ERR Unknown command called from script';
const ERR_ARITY = 'ERR Wrong number of args calling command from script';
const ERR_READ_ONLY_SCRIPT = 'ERR Write commands are not allowed from read-only scripts.';
const ERR_STALE_COMMAND = 'ERR Can not execute the command on a stale replica';
const ERR_NOT_HERE = 'ERR Attempted to access a non local key in a cluster node';
const ERR_OTHER_SLOT = 'ERR Script attempted to access keys that do not hash to the same slot';

const ERR_WRITES_BLOCKED =
  "MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts.";
const ERR_REPLICA = 'READONLY Can not run script with write flag on readonly replica';
const ERR_CLUSTER = "ERR Can not run script on cluster, 'no-cluster' flag is set.";
const ERR_STALE =
  "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and 'allow-stale' flag is not set on the script.";
const ERR_READ_ONLY_COMMAND = 'ERR Can not execute a script with write flag using *_ro command.';
const ERR_RUN_OOM = "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'";

export class ScriptCaller implements ScriptHost {
  private readonly rooms: Rooms;
  private readonly reply: ReplyWriter;
  private readonly executor: Executor;
  /** The client that commands of scripts see. */
  private readonly client: Client;
  private caller: Client;
  /** The call that commands of scripts get: EVAL's own stays as it is. */
  private readonly nested: Call;

  constructor(rooms: Rooms, reply: ReplyWriter, executor: Executor) {
    this.rooms = rooms;
    this.reply = reply;
    this.executor = executor;
    this.client = new Client(0, 'lua', '', 0, true);
    this.caller = this.client;
    this.nested = new Call(rooms, reply, this.client, rooms.registry.entries[0]!);
    this.nested.inExec = true;
    this.nested.inScript = true;
  }

  refusalOfRun(caller: Client, flags: number, readOnlyCommand: boolean): string | null {
    const { executor } = this;
    const { writes } = executor;
    const fromStream = caller.kind === STREAM_CLIENT;
    const isStale = writes !== null && !fromStream && writes.staleRefusal() !== null;
    if ((flags & COMPATIBLE) !== 0) return isStale ? ERR_MASTERDOWN : null;
    if ((flags & NO_CLUSTER) !== 0 && executor.clustered) return ERR_CLUSTER;
    if (isStale && (flags & ALLOW_STALE) === 0) return ERR_STALE;
    if ((flags & NO_WRITES) !== 0) return null;
    const refusal = writes === null || fromStream ? null : writes.refusal(caller);
    if (refusal?.startsWith('READONLY')) return ERR_REPLICA;
    if (refusal?.startsWith('MISCONF')) return ERR_WRITES_BLOCKED;
    if (readOnlyCommand) return ERR_READ_ONLY_COMMAND;
    if (refusal !== null) return refusal;
    const { memory } = executor;
    const isFull = memory?.limited === true && !memory.makeRoom();
    return isFull && (flags & ALLOW_OOM) === 0 ? ERR_RUN_OOM : null;
  }

  /** Commands are this client's from now on, and the reply writer is the script's. */
  begin(caller: Client, run: ScriptRun): void {
    const { client, reply, executor } = this;
    this.caller = caller;
    client.caller = caller;
    client.kind = caller.kind === STREAM_CLIENT ? STREAM_CLIENT : NORMAL_CLIENT;
    client.databaseIndex = caller.databaseIndex;
    client.user = caller.user;
    client.readOnly = caller.readOnly;
    client.asking = caller.asking;
    client.noTouch = caller.noTouch;
    client.importSource = caller.importSource;
    client.output.protocol = 2;
    const { memory } = executor;
    run.outOfMemory = memory?.limited === true && !memory.makeRoom();
    run.slot = executor.slotOfCall;
    reply.detach();
    reply.attach(client.output);
    // What is pushed to the caller meanwhile goes to its own output.
    this.rooms.clients.currentReply = null;
    executor.beginUnit();
  }

  /** The reply writer is the caller's again. */
  end(): void {
    const { caller, client, reply } = this;
    this.executor.endUnit();
    reply.detach();
    reply.release(client.output);
    reply.attach(caller.output);
    this.rooms.clients.currentReply = reply;
    this.caller = client;
    client.caller = null;
  }

  /** Null: it ran, and its reply stands in the writer; else the error it gets. */
  call(args: Arguments, run: ScriptRun): string | null {
    const { client } = this;
    const entry = this.entryOf(args);
    if (entry === null) {
      const problem = this.unknown(args);
      this.countRefusal(problem);
      return problem;
    }
    const refusal = this.refusal(entry, args, run);
    if (refusal !== null) {
      entry.rejected++;
      this.countRefusal(refusal);
      return refusal;
    }
    if ((entry.flags & flag.WRITE) !== 0) run.wrote = true;
    const { nested: call, executor, reply, rooms } = this;
    const { keyspace } = rooms;
    const outerSlot = keyspace.slot;
    call.begin(client, entry, args);
    let slot = NO_SLOT;
    if (executor.clustered) {
      slot = executor.slotOfKeys(call, entry);
      if (slot !== NO_SLOT) {
        const problem = this.slotProblem(entry, slot, run);
        if (problem !== null) {
          keyspace.slot = outerSlot;
          entry.rejected++;
          this.countRefusal(problem);
          return problem;
        }
      }
    }
    reply.protocol = run.resp;
    client.output.protocol = run.resp;
    executor.runNested(call, slot, this.caller, (run.replicates & REPLICATE_REPLICAS) !== 0);
    this.caller.commandCount++;
    keyspace.slot = outerSlot;
    return null;
  }

  private unknown(args: Arguments): string {
    const container = this.rooms.registry.find(args.bytes, args.starts[0]!, args.ends[0]!);
    if (container === null) return ERR_UNKNOWN;
    return ERR_UNKNOWN_SUBCOMMAND(latin1(args.bytes, args.starts[1]!, args.ends[1]!), container.command.name);
  }

  private countRefusal(error: string): void {
    this.rooms.accounting.errors.count(error);
  }

  private entryOf(args: Arguments): CommandEntry | null {
    const { registry } = this.rooms;
    const entry = registry.find(args.bytes, args.starts[0]!, args.ends[0]!);
    if (entry === null || entry.subcommands.length === 0 || args.count < 2) return entry;
    return entry.subcommand(args.bytes, args.starts[1]!, args.ends[1]!);
  }

  /** Why the command is refused before its keys are looked at. */
  private refusal(entry: CommandEntry, args: Arguments, run: ScriptRun): string | null {
    const { flags } = entry;
    if ((entry.arity > 0 && args.count !== entry.arity) || args.count < -entry.arity) return ERR_ARITY;
    if ((flags & flag.NOSCRIPT) !== 0 && this.rooms.scripting?.allowsAnyCommand !== true) return ERR_NOT_IN_SCRIPT;
    const fromStream = this.client.kind === STREAM_CLIENT;
    if (run.outOfMemory && !run.wrote && !run.allowsOom && !fromStream && (flags & flag.DENYOOM) !== 0) return ERR_OOM;
    if (run.readOnly && (flags & (flag.WRITE | flag.MAY_REPLICATE)) !== 0) return ERR_READ_ONLY_SCRIPT;
    const { writes } = this.executor;
    if (writes !== null && !fromStream) {
      if ((flags & flag.WRITE) !== 0 && !run.wrote) {
        const refusal = writes.refusal(this.client);
        if (refusal !== null) return refusal;
      }
      if ((flags & flag.STALE) === 0 && writes.staleRefusal() !== null) return ERR_STALE_COMMAND;
    }
    if (!this.client.user.unrestricted) {
      const denial = this.executor.denial(this.client, entry, args, 'lua');
      if (denial !== null) return `ERR ACL failure in script: ${denial}`;
    }
    return null;
  }

  /** In a cluster a script's keys must be here, and in one slot unless it says otherwise. */
  private slotProblem(entry: CommandEntry, slot: number, run: ScriptRun): string | null {
    if (slot < 0) return ERR_NOT_HERE;
    const { nested: call, executor, reply, rooms } = this;
    rooms.keyspace.slot = slot;
    if (this.client.kind === STREAM_CLIENT) return null;
    if (executor.cluster !== null && !executor.cluster.admits(call, slot, entry)) {
      const down = reply.bytes[1] === 67 && reply.bytes[8] === 68; // -CLUSTERDOWN
      reply.rewind(0);
      return down ? `ERR Can not execute a command '${entry.fullName}' while the cluster is down` : ERR_NOT_HERE;
    }
    if (!run.allowsCrossSlot) {
      if (run.slot === ANY_SLOT) run.slot = slot;
      else if (run.slot !== slot) return ERR_OTHER_SLOT;
    }
    return null;
  }

  /** redis.acl_check_cmd: whether the caller's user may give a command; null when there is none. */
  mayCall(args: Arguments): boolean | null {
    const entry = this.entryOf(args);
    if (entry === null) return null;
    const { user } = this.client;
    return this.rooms.acl.permissions.check(user, entry, args, this.client.databaseIndex) === PERMITTED;
  }

  nowMicros(): number {
    return this.rooms.host.nowMicros();
  }

  log(level: LogLevel, message: string): void {
    this.rooms.host.log(level, message);
  }
}
