/**
 * Where the API server is and how to prove who we are: from the pod's service account, or from a kubeconfig with
 * a certificate or a token (what kind and kubeadm write). Exec plug-ins and cloud log-ins are left out: the operator
 * runs in a cluster, and a developer's kubeconfig for kind needs neither.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

export interface Credentials {
  /** Base address without a trailing slash. */
  readonly server: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The bearer token as it is now; a service account's token is rotated by the kubelet, so it is asked for anew. */
  bearerToken(nowMs: number): string | undefined;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet rotates a token at 80% of its life of an hour; a minute-old copy is always still valid. */
const TOKEN_REREAD_MS = 60_000;

export function inClusterCredentials(env: NodeJS.ProcessEnv, directory = SERVICE_ACCOUNT): Credentials {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw new Error(
      'no API server: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; run in a pod with a service account, or set KUBECONFIG',
    );
  }
  const tokenFile = join(directory, 'token');
  let token = readFileSync(tokenFile, 'utf8').trim();
  let readAtMs = Number.NEGATIVE_INFINITY;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readFileSync(join(directory, 'ca.crt'), 'utf8'),
    bearerToken(nowMs) {
      if (nowMs - readAtMs >= TOKEN_REREAD_MS) {
        token = readFileSync(tokenFile, 'utf8').trim();
        readAtMs = nowMs;
      }
      return token;
    },
  };
}

/** The namespace that the pod itself runs in: where the Lease lives. */
export function inClusterNamespace(directory = SERVICE_ACCOUNT): string {
  return readFileSync(join(directory, 'namespace'), 'utf8').trim();
}

const named = <T extends z.ZodType>(key: string, value: T) => z.array(z.object({ name: z.string(), [key]: value }));
const kubeconfigSchema = z.object({
  'current-context': z.string(),
  contexts: named('context', z.object({ cluster: z.string(), user: z.string() })),
  clusters: named('cluster', z.object({ server: z.string(), 'certificate-authority-data': z.string().optional() })),
  users: named(
    'user',
    z.object({
      'client-certificate-data': z.string().optional(),
      'client-key-data': z.string().optional(),
      token: z.string().optional(),
    }),
  ),
});

export function kubeconfigCredentials(text: string, file: string): Credentials {
  const config = kubeconfigSchema.parse(parse(text));
  const pick = <T>(list: readonly unknown[], key: string, name: string): T => {
    const entry = (list as readonly Record<string, unknown>[]).find((candidate) => candidate['name'] === name);
    if (entry === undefined) throw new Error(`${file}: no ${key} named "${name}"`);
    return entry[key] as T;
  };
  const context = pick<{ cluster: string; user: string }>(config.contexts, 'context', config['current-context']);
  const cluster = pick<{ server: string; 'certificate-authority-data'?: string }>(
    config.clusters,
    'cluster',
    context.cluster,
  );
  const user = pick<{ 'client-certificate-data'?: string; 'client-key-data'?: string; token?: string }>(
    config.users,
    'user',
    context.user,
  );
  const decode = (base64: string | undefined) =>
    base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
  const ca = decode(cluster['certificate-authority-data']);
  const cert = decode(user['client-certificate-data']);
  const key = decode(user['client-key-data']);
  return {
    server: cluster.server.replace(/\/$/, ''),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    bearerToken: () => user.token,
  };
}

/** KUBECONFIG when it is set, else the pod's service account. */
export function loadCredentials(env: NodeJS.ProcessEnv): Credentials {
  const file = env['KUBECONFIG'];
  return file ? kubeconfigCredentials(readFileSync(file, 'utf8'), file) : inClusterCredentials(env);
}
