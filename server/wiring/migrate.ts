/** Wires DUMP, RESTORE and MIGRATE: the codec of values, and connections to other servers for one exchange each. */
import { connect } from 'node:net';
import type { Exchange, ExchangeStep } from '../commands/replication-room.ts';
import type { Node } from '../node.ts';
import { DumpPayloads } from '../persistence/dump-payload.ts';

export function wireMigrate(node: Node): void {
  const { rooms } = node;
  const dumps = new DumpPayloads(node.keyspace, node.types);
  node.settings.watch('rdb-version-check', (value) => {
    dumps.anyVersion = value === 'relaxed';
  });
  rooms.dumps = dumps;
  rooms.exchanges = {
    begin: (exchange) => converse(node, exchange),
    propagate: (database, slot, args) => node.executor.propagate(database, slot, args),
  };
}

/** Every event is a turn of the node: what it wrote to clients and to the log is sent. */
function converse(node: Node, exchange: Exchange): void {
  const { host, port, timeoutMs, requests } = exchange;
  const socket = connect({ host, port, noDelay: true });
  let step: ExchangeStep = 'connecting';
  let over = false;
  const turn = (event: () => boolean): void => {
    if (over) return;
    node.turn();
    over = event();
    node.endTurn();
    if (over) socket.destroy();
  };
  const fail = (): void =>
    turn(() => {
      exchange.failed(step);
      return true;
    });
  // Counts while nothing is sent and nothing received; before the connection stands it counts from here.
  socket.setTimeout(timeoutMs, fail);
  socket.on('connect', () => {
    step = 'writing';
    socket.write(requests, () => {
      if (step === 'writing') step = 'reading';
    });
  });
  socket.on('data', (bytes: Uint8Array) => {
    step = 'reading';
    turn(() => exchange.received(new Uint8Array(bytes)));
  });
  socket.on('error', (problem) => {
    // Valkey learns of a refusal when it writes, and says so.
    if ('code' in problem && problem.code === 'ECONNREFUSED') step = 'writing';
    fail();
  });
  socket.on('close', fail);
}
