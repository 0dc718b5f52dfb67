/**
 * The operator's settings: one table of name, flag, environment variable, default and check. A flag wins over the
 * environment. A bad value is one clear line that names it.
 */

import { z } from 'zod';

const port = z.coerce.number().int().min(1).max(65535);
const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'a name is lower-case letters, digits, dots and dashes');

const TABLE = {
  watchNamespace: {
    flag: '--watch-namespace',
    env: 'WATCH_NAMESPACE',
    check: z.union([z.literal(''), name]),
    default: '',
    help: 'the namespace to watch; empty for all',
  },
  leaseNamespace: {
    flag: '--lease-namespace',
    env: 'POD_NAMESPACE',
    check: z.union([z.literal(''), name]),
    default: '',
    help: "where the Lease lives; empty for the pod's own namespace",
  },
  leaseName: {
    flag: '--lease-name',
    env: 'LEASE_NAME',
    check: name,
    default: 'keyherd-operator',
    help: 'name of the Lease',
  },
  serverImage: {
    flag: '--server-image',
    env: 'SERVER_IMAGE',
    check: z.string().min(1, 'the image of the nodes must be named'),
    default: 'keyherd-server:0.1.0',
    help: 'image of the nodes whose ValkeyCluster names none',
  },
  imagePullPolicy: {
    flag: '--image-pull-policy',
    env: 'IMAGE_PULL_POLICY',
    check: z.enum(['Always', 'IfNotPresent', 'Never']),
    default: 'IfNotPresent',
    help: "pull policy of the nodes' image",
  },
  bindAddress: {
    flag: '--bind-address',
    env: 'BIND_ADDRESS',
    check: z.string(),
    default: '0.0.0.0',
    help: 'address of the health and metrics endpoints',
  },
  port: { flag: '--port', env: 'PORT', check: port, default: '8080', help: 'port of the health and metrics endpoints' },
  logLevel: {
    flag: '--log-level',
    env: 'LOG_LEVEL',
    check: z.enum(['debug', 'info', 'warn', 'error']),
    default: 'info',
    help: 'least level that is logged',
  },
} as const;

type Table = typeof TABLE;
export type Settings = { readonly [Name in keyof Table]: z.output<Table[Name]['check']> };

export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

export function readSettings(argv: readonly string[], env: NodeJS.ProcessEnv): Settings {
  const flags = readFlags(argv);
  const entries = Object.entries(TABLE).map(([key, row]) => {
    const given = flags.get(row.flag) ?? env[row.env] ?? row.default;
    const parsed = (row.check as z.ZodType).safeParse(given);
    if (!parsed.success) {
      const source = flags.has(row.flag) ? row.flag : row.env;
      throw new SettingsError(
        `${source}: "${given}" is not good: ${parsed.error.issues[0]?.message ?? 'invalid'} (${row.help})`,
      );
    }
    return [key, parsed.data] as const;
  });
  return Object.fromEntries(entries) as Settings;
}

/** `--flag value` and `--flag=value`. */
function readFlags(argv: readonly string[]): Map<string, string> {
  const known = new Set<string>(Object.values(TABLE).map((row) => row.flag));
  const flags = new Map<string, string>();
  for (let index = 0; index < argv.length; index += 1) {
    const [flag = '', inline] = (argv[index] ?? '').split(/=(.*)/s, 2);
    if (!known.has(flag)) throw new SettingsError(`${flag}: unknown flag; there are:\n${usage()}`);
    const value = inline ?? argv[(index += 1)];
    if (value === undefined) throw new SettingsError(`${flag}: a value must follow`);
    flags.set(flag, value);
  }
  return flags;
}

export function usage(): string {
  return Object.values(TABLE)
    .map((row) => `  ${row.flag.padEnd(22)} ${row.help} (${row.env}, default "${row.default}")`)
    .join('\n');
}
