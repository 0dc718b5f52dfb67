/** The values of `maxmemory-policy`: which keys may go, and by what the next one is chosen. Source: Valkey 9.1 valkey.conf. */

export type EvictionOrder = 'lru' | 'lfu' | 'ttl' | 'random';

export interface EvictionPolicy {
  readonly name: string;
  /** Only keys that have an expiry. */
  readonly volatile: boolean;
  readonly order: EvictionOrder;
}

/** In the order in which Valkey's messages name them. `noeviction` stands apart: nothing goes. */
export const EVICTION_POLICIES: readonly EvictionPolicy[] = [
  { name: 'volatile-lru', volatile: true, order: 'lru' },
  { name: 'volatile-lfu', volatile: true, order: 'lfu' },
  { name: 'volatile-random', volatile: true, order: 'random' },
  { name: 'volatile-ttl', volatile: true, order: 'ttl' },
  { name: 'allkeys-lru', volatile: false, order: 'lru' },
  { name: 'allkeys-lfu', volatile: false, order: 'lfu' },
  { name: 'allkeys-random', volatile: false, order: 'random' },
];

export const NO_EVICTION = 'noeviction';
export const EVICTION_POLICY_NAMES: readonly string[] = [...EVICTION_POLICIES.map(({ name }) => name), NO_EVICTION];

/** The policy of a name, null for `noeviction`. */
export function evictionPolicy(name: string): EvictionPolicy | null {
  return EVICTION_POLICIES.find((policy) => policy.name === name) ?? null;
}
