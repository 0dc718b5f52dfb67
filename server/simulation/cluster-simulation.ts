/**
 * A whole cluster in a simulation, and what must hold of it at every moment.
 */

import { SLOTS } from '../cluster/limits.ts';
import type { ClusterSettings } from '../cluster/settings.ts';
import { VirtualNetwork } from './network.ts';
import { SimulatedNode } from './simulated-node.ts';
import { World } from './world.ts';

export interface ClusterSize {
  readonly primaries: number;
  readonly replicas: number;
  readonly seed: number;
  readonly persistent?: boolean;
  readonly settings?: Partial<ClusterSettings>;
}

export class ClusterSimulation {
  readonly world: World;
  readonly network: VirtualNetwork;
  readonly nodes: SimulatedNode[] = [];
  /** Primaries first, then the replicas of the first shard's, and so on. */
  readonly size: ClusterSize;
  private nextWrite = 1;

  constructor(size: ClusterSize) {
    this.size = size;
    this.world = new World(size.seed);
    this.network = new VirtualNetwork(this.world, { minDelayMs: 0, maxDelayMs: 3, resetChance: 0 });
    const count = size.primaries * (1 + size.replicas);
    for (let i = 0; i < count; i++) {
      const options = { persistent: size.persistent ?? false, settings: size.settings ?? {} };
      this.nodes.push(new SimulatedNode(this.world, this.network, `10.0.0.${i + 1}`, options));
    }
    this.world.afterEach = () => this.checkOwners();
  }

  get primaries(): SimulatedNode[] {
    return this.nodes.slice(0, this.size.primaries);
  }

  replicasOf(shard: number): SimulatedNode[] {
    const first = this.size.primaries + shard * this.size.replicas;
    return this.nodes.slice(first, first + this.size.replicas);
  }

  /** Introduces the nodes, gives the primaries their slots and the replicas their primaries, and waits until all agree. */
  form(): this {
    for (const node of this.nodes) node.start();
    for (const other of this.nodes.slice(1)) this.nodes[0]!.meet(other);
    const share = SLOTS / this.size.primaries;
    for (const [shard, primary] of this.primaries.entries()) {
      primary.addSlots(Math.ceil(shard * share), Math.ceil((shard + 1) * share) - 1);
    }
    this.world.runUntil('all nodes know each other', 30_000, () => this.nodes.every((node) => this.knowsAll(node)));
    for (let shard = 0; shard < this.size.primaries; shard++) {
      for (const replica of this.replicasOf(shard)) replica.replicate(this.primaries[shard]!);
    }
    this.settle();
    return this;
  }

  private knowsAll(node: SimulatedNode): boolean {
    return (
      node.cluster.state.nodes.size === this.nodes.length &&
      node.cluster.state.nodes.all().every((peer) => !peer.inHandshake)
    );
  }

  /** Waits until the living nodes call the cluster ok and agree on the slot map. Returns how long it took. */
  settle(limitMs = 60_000): number {
    return this.world.runUntil('the living nodes agree', limitMs, () => this.isSettled());
  }

  isSettled(): boolean {
    const living = this.nodes.filter((node) => node.alive);
    if (!living.every((node) => node.isOk)) return false;
    for (let slot = 0; slot < SLOTS; slot += 97) {
      const owner = living[0]!.ownerOf(slot);
      if (!living.every((node) => node.ownerOf(slot) === owner)) return false;
      if (!living.some((node) => node.myself.name === owner && node.isPrimary)) return false;
    }
    return true;
  }

  /** The living node that serves a slot, or null. */
  serving(slot: number): SimulatedNode | null {
    return this.nodes.find((node) => node.isOk && node.isPrimary && node.cluster.state.slots.myselfOwns(slot)) ?? null;
  }

  /** A write by a client that knows the cluster. Returns its id, or 0 when nobody took it. */
  write(slot: number): number {
    const id = this.nextWrite++;
    return this.serving(slot)?.write(id, slot) === true ? id : 0;
  }

  /** All writes that some primary saw acknowledged by a replica. */
  confirmed(): number[] {
    return [...new Set(this.nodes.flatMap((node) => [...node.confirmed]))];
  }

  /** Every slot served, and each confirmed write held by the node that serves its slot. */
  lostWrites(): number[] {
    const held = new Set(
      this.nodes.filter((node) => node.isOk && node.isPrimary).flatMap((node) => node.writes.map(({ id }) => id)),
    );
    return this.confirmed().filter((id) => !held.has(id));
  }

  /** Two primaries may claim one slot for a while, but never with one epoch. */
  private checkOwners(): void {
    const claims = this.nodes.filter(
      (node) => node.isPrimary && node.myself.slotCount > 0 && node.myself.configEpoch > 0,
    );
    for (const [index, one] of claims.entries()) {
      for (const other of claims.slice(index + 1)) {
        if (one.myself.configEpoch !== other.myself.configEpoch) continue;
        for (let byte = 0; byte < one.myself.slots.length; byte++) {
          if ((one.myself.slots[byte]! & other.myself.slots[byte]!) === 0) continue;
          throw new Error(
            `seed ${this.size.seed}: ${one.host} and ${other.host} claim a slot with the same epoch ${one.myself.configEpoch}`,
          );
        }
      }
    }
  }
}
