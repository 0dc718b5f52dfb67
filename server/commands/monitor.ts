/** MONITOR. Source: Valkey 9.1 server.c monitorCommand; the lines are made in monitors.ts. */
import { REPLICA_CLIENT } from './client.ts';
import { ADMIN, type Command, LOADING, NO_KEYS, NOSCRIPT, STALE } from './command.ts';

export const monitorCommands: readonly Command[] = [
  {
    group: 'server',
    keys: NO_KEYS,
    name: 'monitor',
    arity: 1,
    since: '1.0.0',
    flags: ADMIN | NOSCRIPT | LOADING | STALE,
    summary: 'Listens for all requests received by the server in real-time.',
    run(call) {
      if (call.inExec) {
        call.fail("ERR MONITOR isn't allowed for DENY BLOCKING client");
        return;
      }
      // Again, or on a replica's connection: nothing is answered.
      if (call.client.monitor || call.client.kind === REPLICA_CLIENT) return;
      call.rooms.monitors.add(call.client);
      call.reply.ok();
    },
  },
];
