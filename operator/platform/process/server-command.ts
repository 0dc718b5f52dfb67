/**
 * How a node is started: the server's command, and the valkey.conf it is given.
 * KEYHERD_SERVER_COMMAND, words separated by spaces, puts another server in place of our own (a valkey-server 9.1 understands all of it).
 */
import { extname, join } from 'node:path';
import { announcedNodename } from '../../model/workload.ts';

export const SERVER_COMMAND_VARIABLE = 'KEYHERD_SERVER_COMMAND';
/** Nodes talk to each other at the client port plus this, as Valkey has it. */
export const BUS_PORT_OFFSET = 10_000;
export const HOST = '127.0.0.1';

export function serverCommand(environment: NodeJS.ProcessEnv): readonly string[] {
  const given = environment[SERVER_COMMAND_VARIABLE]?.trim() ?? '';
  if (given !== '') return given.split(/\s+/);
  // From sources in a checkout, from dist/ in an installed package: the server's entry has the ending of this file.
  return [
    process.execPath,
    join(import.meta.dirname, '..', '..', '..', 'server', `main${extname(import.meta.filename)}`),
  ];
}

export interface NodeConfig {
  readonly name: string;
  readonly port: number;
  readonly dataPath: string;
  readonly clusterUid: string;
  readonly directives: Readonly<Record<string, string>>;
}

/** valkey.conf of a node: the workload's directives, where it listens, and what it announces. */
export function renderConfig(node: NodeConfig): string {
  const directives: Record<string, string> = {
    ...node.directives,
    bind: HOST,
    port: String(node.port),
    dir: /^[\w./-]+$/.test(node.dataPath) ? node.dataPath : `"${node.dataPath.replace(/(["\\])/g, '\\$1')}"`,
    'cluster-announce-ip': HOST,
    'cluster-announce-human-nodename': announcedNodename(node.clusterUid, node.name),
  };
  return Object.entries(directives)
    .map(([name, value]) => {
      // A line break would begin a directive of its own, past the check of those that the operator owns.
      if (/[\r\n\0]/.test(value)) throw new Error(`spec.config.${name}: a value has one line: remove the line break`);
      return `${name} ${value === '' ? '""' : value}\n`;
    })
    .join('');
}
