/**
 * The proof that time, chance and the network are parameters: two nodes in one process, on a clock that nobody waits for.
 */
import { expect, test } from 'vitest';
import { VirtualNetwork } from './network.ts';
import { SimulatedNode } from './simulated-node.ts';
import { World } from './world.ts';

test('two nodes meet, share the slots, and see each other fail and return, in virtual time', () => {
  const world = new World(1);
  const network = new VirtualNetwork(world, { minDelayMs: 1, maxDelayMs: 5, resetChance: 0 });
  const [a, b] = ['10.0.0.1', '10.0.0.2'].map((host) => new SimulatedNode(world, network, host)) as [
    SimulatedNode,
    SimulatedNode,
  ];
  for (const node of [a, b]) node.start();
  a.addSlots(0, 8191);
  b.addSlots(8192, 16383);
  a.meet(b);
  world.runUntil('both are ok', 10_000, () => a.isOk && b.isOk);
  expect(a.ownerOf(16383)).toBe(b.myself.name);
  b.kill();
  const detectedMs = world.runUntil('a stops serving in a minority', 5000, () => !a.isOk);
  expect(detectedMs).toBeGreaterThan(1900);
  b.start();
  world.runUntil('both are ok again', 15_000, () => a.isOk && b.isOk);
});
