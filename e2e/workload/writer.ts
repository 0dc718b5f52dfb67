/** What the checker needs of a client: one overwrite that also returns the previous value, one read, and clearing up. */

export type WriteOutcome =
  | {
      readonly kind: 'acknowledged';
      /** What the key held before: SET … GET, so every overwrite is a read-back too. */
      readonly previous: string | null;
      /** performance.now() when the OK came. */
      readonly acknowledgedAtMs: number;
      /** WAIT on the same connection counted enough replicas, and nothing was redirected or reconnected on the way. */
      readonly confirmed: boolean;
    }
  /** The node answered that it did not do it; nothing was left behind. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** No answer: it may have happened. */
  | { readonly kind: 'indeterminate'; readonly reason: string };

export interface Writer {
  /** Connects, so that the first writes are not those that wait for it. */
  open(): Promise<void>;
  /** Never rejects. The write is over when it settles: nothing of it is still queued or will be sent again. */
  overwrite(key: string, slot: number, value: string): Promise<WriteOutcome>;
  /** Forgets connections and addresses and begins anew from the seeds: for reading back, which judges the data and not the client. */
  reopen(): Promise<void>;
  /** Reads from the slot's primary; rejects when that cannot be had. */
  read(key: string, slot: number): Promise<string | null>;
  remove(key: string, slot: number): Promise<void>;
  close(): void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}
