/** The command table: every family's rows, composed in one place. */
import type { Types } from '../types/index.ts';
import { clusterCommands } from './cluster.ts';
import type { Command } from './command.ts';
import { connectionCommands } from './connection.ts';
import { keyCommands } from './keys.ts';
import { pubsubCommands } from './pubsub.ts';
import { serverCommands } from './server.ts';
import { stringCommands } from './strings.ts';
import { transactionCommands } from './transactions.ts';

export function commandTable(_types: Types): readonly (readonly Command[])[] {
  return [
    stringCommands,
    keyCommands,
    connectionCommands,
    serverCommands,
    transactionCommands,
    pubsubCommands,
    clusterCommands,
  ];
}
