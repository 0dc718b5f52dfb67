/**
 * What a measurement prints and leaves behind: one table, results.md with the machine it was measured on, results.json
 * with every run.
 */
import { cpus, totalmem } from 'node:os';
import { gateOf } from './gates.ts';
import type { Effort, Figure } from './measurements.ts';

/** Facts that a reader needs to judge the figures; nothing that names a host or a path. */
export type Machine = {
  readonly date: string;
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly node: string;
  readonly keyherd: string;
  readonly valkey: string;
  readonly client: string;
};

export function machineFacts(versions: Pick<Machine, 'keyherd' | 'valkey' | 'client'>): Machine {
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: processors.length,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    ...versions,
  };
}

export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const gate = gateOf(figure);
    return [
      figure.name,
      show(figure.ours, figure.unit),
      show(figure.valkey, figure.unit),
      (figure.ours / figure.valkey).toFixed(2),
      gate === null ? '' : `${gate.says}${gate.holds ? '' : ' MISSED'}`,
    ];
  });
  return align([['', 'keyherd', 'Valkey', 'ratio', 'gate'], ...rows]);
}

export function markdown(figures: readonly Figure[], machine: Machine, effort: Effort): string {
  return `# keyherd beside Valkey

Measured on ${machine.date} with \`npm run bench\`: keyherd ${machine.keyherd} on Node ${machine.node} and valkey-server ${machine.valkey}, one after the other in one run, driven by ${machine.client}.
Machine: ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGiB} GiB; client and server share it.

Throughput: 50 clients, 64-byte values, keys drawn from a million preloaded ones (\`-r 1000000\`), nothing persisted, no I/O threads; ${effort.runs === 1 ? 'one run' : `the median of ${effort.runs} alternated runs`}.
Memory per key: resident memory over the empty server's, the mean of the figures at 1.0, 1.25, 1.5 and 1.75 million keys of 16 bytes with values of 64.
Fan-out: deliveries a second of 64-byte messages to 1,000 subscribers. Bytes an element: resident memory of a million elements in collections of that size.
Slot migration: every slot with a million keys to another server of its kind by CLUSTER MIGRATESLOTS, without clients, in keys per second.
Start time: from the start of the process (keyherd as it is packed, by \`npm run build\`) to its first PONG.${effort.scale === 1 ? '' : `\nA quick measurement: ${effort.scale * 100}% of the requests.`}

${table(figures)}
`;
}

export function json(figures: readonly Figure[], machine: Machine, effort: Effort): string {
  return `${JSON.stringify({ machine, effort, figures }, null, 2)}\n`;
}

function show(value: number, unit: Figure['unit']): string {
  if (unit === 'requests/s' || unit === 'keys/s')
    return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M/s` : `${(value / 1e3).toFixed(1)} k/s`;
  if (unit === 'ms') return `${value.toFixed(0)} ms`;
  return value >= 2 ** 20 ? `${(value / 2 ** 20).toFixed(1)} MiB` : `${value.toFixed(1)} bytes`;
}

/** A Markdown table whose columns also line up on a terminal. */
function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  const [head = [], ...body] = rows;
  return [line(head), rule, ...body.map(line)].join('\n');
}
