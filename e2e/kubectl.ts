/** What the scenarios ask of the cluster, by way of kubectl: objects, waits, commands to a node. Every wait has a limit. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Outcome, Shell } from './cluster/shell.ts';

const COMMAND_LIMIT_MS = 60_000;
const POLL_MS = 500;

/** The fields of Kubernetes' objects that scenarios read. */
export interface KubeObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly podIP?: string;
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** A promise of the system that did not hold. */
export class Broken extends Error {}

export class Kubectl {
  readonly namespace: string;
  readonly #path: string;
  readonly #kubeconfig: string;
  readonly #shell = new Shell();

  constructor(path: string, kubeconfig: string, namespace: string) {
    this.#path = path;
    this.#kubeconfig = kubeconfig;
    this.namespace = namespace;
  }

  in(namespace: string): Kubectl {
    return new Kubectl(this.#path, this.#kubeconfig, namespace);
  }

  attempt(args: readonly string[], input?: string): Promise<Outcome> {
    const argv = [this.#path, '--kubeconfig', this.#kubeconfig, '--namespace', this.namespace, ...args];
    return this.#shell.attempt(argv, { timeoutMs: COMMAND_LIMIT_MS, ...(input === undefined ? {} : { input }) });
  }

  async run(args: readonly string[], input?: string): Promise<string> {
    const outcome = await this.attempt(args, input);
    if (outcome.code !== 0)
      throw new Broken(`kubectl ${args.slice(0, 4).join(' ')}: ${outcome.stderr.trim().split('\n').at(-1) ?? ''}`);
    return outcome.stdout;
  }

  async get<T = KubeObject>(kind: string, name: string): Promise<T | undefined> {
    const text = await this.run(['get', kind, name, '--ignore-not-found', '-o', 'json']);
    return text.trim() === '' ? undefined : (JSON.parse(text) as T);
  }

  async list(kinds: string, selector: string): Promise<readonly KubeObject[]> {
    const text = await this.run(['get', kinds, '-l', selector, '-o', 'json']);
    return (JSON.parse(text) as { items: KubeObject[] }).items;
  }

  apply(manifest: string): Promise<string> {
    return this.run(['apply', '-f', '-'], manifest);
  }

  /** Sends one command to a node from within its own pod, over bash's /dev/tcp, and returns a bulk or simple reply. */
  async command(pod: string, ...words: readonly string[]): Promise<string> {
    const request = `*${words.length}\\r\\n${words.map((word) => `$${Buffer.byteLength(word)}\\r\\n${word}\\r\\n`).join('')}`;
    const script = `exec 3<>/dev/tcp/127.0.0.1/6379; printf '${request}' >&3; IFS= read -r -t 5 head <&3; echo "$head"; if [[ $head == \\$* || $head == =* ]]; then size=\${head:1}; head -c \${size%?} <&3; fi`;
    const [head = '', ...rest] = (await this.run(['exec', pod, '--', 'bash', '-c', script])).split('\n');
    if (head.startsWith('-')) throw new Broken(`${pod}: ${words.join(' ')}: ${head.slice(1).trim()}`);
    return /^[$=]/.test(head) ? rest.join('\n') : head.slice(1).trim();
  }
}

/** Asks until the answer is not undefined, at most `limitMs` long; `what` and the last `hint` say what was waited for. */
export async function until<T>(
  what: string,
  limitMs: number,
  ask: () => Promise<T | undefined>,
  { hint = () => '', pollMs = POLL_MS }: { readonly hint?: () => string; readonly pollMs?: number } = {},
): Promise<T> {
  const giveUpAtMs = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > giveUpAtMs) {
      const said = hint();
      throw new Broken(`${what}: not within ${limitMs / 1000} s${said === '' ? '' : `; ${said}`}`);
    }
    await sleep(pollMs);
  }
}
