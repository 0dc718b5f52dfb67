// main.ts: the cluster bring-up on the command line. Progress goes to standard error, answers to standard output.

import { parseArgs } from 'node:util';
import { files } from './cache.ts';
import { clusterStatus, deleteCluster, ensureCluster, loadImage, podBaseImage, Refusal } from './index.ts';

const usage = `usage: node e2e/cluster/main.ts COMMAND
  up [--workers N]   a kind cluster that can be used: made, brought back, or left as it is
  down [--all]       removes it; with --all stops the docker daemon that "up" started
  load IMAGE...      copies images from docker to the cluster's nodes
  base-image         makes sure of an image with Node for pods, and prints its name
  kubeconfig         prints the path of the cluster's kubeconfig
  status             prints what stands; exit code 1 when it cannot be used`;

const print = (line: string) => void process.stdout.write(`${line}\n`);

type Arguments = { readonly names: readonly string[]; readonly workers: string | undefined; readonly all: boolean };

const commands: Readonly<Record<string, (given: Arguments) => Promise<void>>> = {
  async up({ workers }) {
    const cluster = await ensureCluster(workers === undefined ? {} : { workers: Number(workers) });
    print(`${cluster.name} is ready: export KUBECONFIG=${cluster.kubeconfig}`);
  },
  down: ({ all }) => deleteCluster({ daemon: all }),
  async load({ names }) {
    if (names.length === 0) throw new Refusal('load: names no image');
    for (const image of names) await loadImage(image);
  },
  async 'base-image'() {
    print(await podBaseImage());
  },
  async kubeconfig() {
    print(files.kubeconfig);
  },
  async status() {
    const { isReady, lines } = await clusterStatus();
    for (const line of lines) print(line);
    if (!isReady) process.exitCode = 1;
  },
};

function readArguments(argv: readonly string[]): { command: (given: Arguments) => Promise<void>; given: Arguments } {
  try {
    const options = { workers: { type: 'string' }, all: { type: 'boolean', default: false } } as const;
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    const [name = '', ...names] = positionals;
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new Refusal(usage);
    return { command, given: { names, workers: values.workers, all: values.all } };
  } catch (error) {
    throw error instanceof TypeError ? new Refusal(`${error.message}\n${usage}`) : error;
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130)); // by way of exit, which frees the lock

try {
  const { command, given } = readArguments(process.argv.slice(2));
  await command(given);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`cluster: ${error.message}\n`);
  process.exitCode = 1;
}
