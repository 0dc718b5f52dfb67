/**
 * Writes as an ordinary application does: through iovalkey's cluster client, which follows redirects, refreshes its slot map
 * and sends again by itself. So a rejected write may have happened, whatever the last error says: it is always indeterminate.
 */
import { Cluster } from 'iovalkey';
import type { Address, WriteOutcome, Writer } from './writer.ts';

/** What the client is given to get through a failover: 50 tries 100 ms apart, 5 s, before it gives up on one write. */
const MAX_REDIRECTIONS = 50;
const RETRY_DELAY_MS = 100;
const CONNECT_TIMEOUT_MS = 1_000;
/** A node that does not answer for this long loses its connection; above the 5 s for which a node may pause its writers. */
const SOCKET_TIMEOUT_MS = 6_000;
/** When every node goes at once the client may drop a command without a word; a write is given up then. */
export const ANSWER_TIMEOUT_MS = 20_000;

export class ClusterWriter implements Writer {
  readonly #seeds: readonly Address[];
  #cluster: Cluster;

  constructor(seeds: readonly Address[]) {
    this.#seeds = seeds;
    this.#cluster = clientOf(seeds);
  }

  async open(): Promise<void> {
    await this.#cluster.connect();
  }

  async reopen(): Promise<void> {
    this.#cluster.disconnect();
    this.#cluster = clientOf(this.#seeds);
    await this.#cluster.connect();
  }

  async overwrite(key: string, _slot: number, value: string): Promise<WriteOutcome> {
    try {
      const previous = (await answered(this.#cluster.call('SET', [key, value, 'GET']))) as string | null;
      return { kind: 'acknowledged', previous, acknowledgedAtMs: performance.now(), confirmed: false };
    } catch (error) {
      return { kind: 'indeterminate', reason: reasonOf(error) };
    }
  }

  read(key: string): Promise<string | null> {
    return answered(this.#cluster.get(key));
  }

  async remove(key: string): Promise<void> {
    await answered(this.#cluster.unlink(key));
  }

  close(): void {
    this.#cluster.disconnect();
  }
}

function clientOf(seeds: readonly Address[]): Cluster {
  const cluster = new Cluster([...seeds], {
    lazyConnect: true,
    maxRedirections: MAX_REDIRECTIONS,
    retryDelayOnFailover: RETRY_DELAY_MS,
    retryDelayOnClusterDown: RETRY_DELAY_MS,
    retryDelayOnTryAgain: RETRY_DELAY_MS,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    redisOptions: { connectTimeout: CONNECT_TIMEOUT_MS, socketTimeout: SOCKET_TIMEOUT_MS },
  });
  cluster.on('error', () => {}); // Every write reports its own outcome.
  return cluster;
}

/** The answer, or an error when there is none in time. */
async function answered<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)), ANSWER_TIMEOUT_MS);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
