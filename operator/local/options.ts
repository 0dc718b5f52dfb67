/** The command line of `keyherd local`. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { MAX_FIRST_PORT } from '../platform/process/index.ts';

export const DEFAULT_PORT = 7000;

export const USAGE = `usage: keyherd local [MANIFEST] [--port N] [--plain]
  MANIFEST   a ValkeyCluster (default: examples/local.yaml); edits to it are carried out as you save them
  --port N   the first port of the nodes, which listen on 127.0.0.1 (default: ${DEFAULT_PORT})
  --plain    lines in place of the table, also on a terminal
The line \`ready HOST:PORT …\` says that all slots are served and where clients connect. Ctrl-C ends and removes everything.
In the environment, KEYHERD_SERVER_COMMAND starts another server in place of our own, such as a valkey-server 9.1 (words separated by spaces).`;

export interface LocalOptions {
  readonly manifestPath: string;
  readonly firstPort: number;
  readonly plain: boolean;
}

export class UsageError extends Error {}

/** Throws UsageError; null asks for the usage. */
export function readOptions(argv: readonly string[]): LocalOptions | null {
  const { values, positionals } = parse(argv);
  if (values.help) return null;
  if (positionals.length > 1) throw new UsageError(`${positionals[1]}: one manifest is enough`);
  const firstPort = Number(values.port);
  if (!Number.isInteger(firstPort) || firstPort < 1 || firstPort > MAX_FIRST_PORT) {
    throw new UsageError(
      `--port ${values.port}: is not a whole number from 1 to ${MAX_FIRST_PORT}: the bus port lies 10000 higher`,
    );
  }
  return { manifestPath: positionals[0] ?? defaultManifest(), firstPort, plain: values.plain };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        port: { type: 'string', default: String(DEFAULT_PORT) },
        plain: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** examples/local.yaml of this package: sources and dist/ lie at different depths. */
function defaultManifest(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'examples', 'local.yaml');
    if (existsSync(candidate)) return candidate;
  }
  throw new UsageError('examples/local.yaml is missing from the package: name a manifest');
}
