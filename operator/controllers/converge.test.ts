/**
 * The controller in the simulated world: whatever happens, the cluster becomes what the spec says, nothing that was written
 * is lost, and no forbidden order is given (the world throws NeverEvent; simulation/world.ts lists them).
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Operator } from './simulation/drive.ts';
import { World } from './simulation/world.ts';

async function formed(
  spec: Record<string, unknown> = { shards: 3, replicas: 1 },
): Promise<{ world: World; operator: Operator }> {
  const world = new World(spec);
  const operator = new Operator(world);
  await operator.settle();
  return { world, operator };
}

/** Every node's own view: all slots covered, one primary a shard, the wanted replicas. */
function expectAsSpecified(world: World, shards: number, replicas: number): void {
  expect(world.lostSlots()).toBe(0);
  expect(world.shards.size).toBe(shards);
  for (const shard of world.shards.values()) {
    const members = [...shard.members.values()];
    expect(members.filter((node) => node.role === 'primary' && node.ownsAny())).toHaveLength(1);
    expect(members.filter((node) => node.role === 'replica' && node.linkUpAtMs <= world.nowMs)).toHaveLength(replicas);
  }
  for (const node of world.nodes()) expect(node.known.size).toBe(world.nodes().length - 1);
}

test('blank nodes become a cluster as specified', async () => {
  const { world } = await formed();
  expectAsSpecified(world, 3, 1);
});

test('an idle cluster is looked at and never written to', async () => {
  const { world, operator } = await formed();
  const { acts, statusWrites } = world;
  const events = world.events.length;
  await operator.runFor(120_000);
  expect([world.acts, world.statusWrites, world.events.length]).toEqual([acts, statusWrites, events]);
});

test('a new operator finds an idle cluster and writes nothing', async () => {
  const { world, operator } = await formed();
  const { acts, statusWrites } = world;
  operator.restart();
  await operator.runFor(60_000);
  expect([world.acts, world.statusWrites]).toEqual([acts, statusWrites]);
});

test('3 to 4 shards and back moves 4096 slots each way', async () => {
  const { world, operator } = await formed();
  world.want({ shards: 4 });
  await operator.settle();
  expect(world.movedSlots).toBe(4096);
  expectAsSpecified(world, 4, 1);
  world.want({ shards: 3 });
  await operator.settle();
  expect(world.movedSlots).toBe(8192);
  expectAsSpecified(world, 3, 1);
});

test('replicas go to 2 and back, also when the primary is the one that has to go', async () => {
  const { world, operator } = await formed();
  world.want({ replicas: 2 });
  await operator.settle();
  await world.failover(world.node('sim-1-2').address, 'graceful');
  await operator.runFor(3000);
  expect(world.primaryOf(1).name).toBe('sim-1-2');
  world.want({ replicas: 1 });
  await operator.settle();
  expectAsSpecified(world, 3, 1);
});

test('a scale-out that is reverted half-way ends where it began', async () => {
  const { world, operator } = await formed();
  world.want({ shards: 4 });
  while (world.movedSlots < 1500) await operator.pass();
  world.want({ shards: 3 });
  await operator.settle();
  expect(world.movedSlots).toBeLessThan(2 * 4096);
  expectAsSpecified(world, 3, 1);
});

test('a scale-in that is reverted half-way leaves no empty shard', async () => {
  const { world, operator } = await formed({ shards: 4, replicas: 1 });
  world.want({ shards: 3 });
  while (world.movedSlots < 1500) await operator.pass();
  world.want({ shards: 4 });
  await operator.settle();
  expectAsSpecified(world, 4, 1);
});

test('an operator that is killed at every step of a scale-out and scale-in is succeeded by one that goes on', async () => {
  const { world, operator } = await formed();
  for (const shards of [4, 3]) {
    world.want({ shards });
    for (let pass = 0; pass < 80; pass++) {
      await operator.pass();
      operator.restart();
    }
    await operator.settle();
    expectAsSpecified(world, shards, 1);
  }
  expect(world.movedSlots).toBe(8192);
});

test('all addresses change at once and the cluster finds itself again', async () => {
  const { world, operator } = await formed();
  for (const node of world.nodes()) world.replace(node, 2000);
  await operator.settle();
  expectAsSpecified(world, 3, 1);
});

test('a lost primary of a cluster of one shard is succeeded by the operator, since nobody can vote', async () => {
  const { world, operator } = await formed({ shards: 1, replicas: 1 });
  const lost = world.primaryOf(0);
  world.crash(lost, 60_000);
  await operator.runFor(15_000);
  expect(world.primaryOf(0)).not.toBe(lost);
  await operator.settle();
  expectAsSpecified(world, 1, 1);
});

test('an owner that restarts without its dataset is succeeded by its replica, which has the data', async () => {
  for (const shards of [1, 2, 3]) {
    const { world, operator } = await formed({ shards, replicas: 1, persistence: { mode: 'None' } });
    world.crash(world.primaryOf(0), 1000);
    await operator.settle();
    expectAsSpecified(world, shards, 1);
  }
});

test('two of three primaries lost at once: the operator restores the majority', async () => {
  const { world, operator } = await formed();
  const [first, second] = [world.primaryOf(0), world.primaryOf(1)];
  world.crash(first, 40_000);
  world.crash(second, 40_000);
  await operator.runFor(30_000);
  expect(world.lostSlots()).toBe(0);
  expect(world.events.filter((event) => event.reason === 'Takeover')).toHaveLength(2);
  await operator.settle();
});

test('where the cluster can elect, the operator leaves it to the cluster', async () => {
  const { world, operator } = await formed();
  world.crash(world.primaryOf(0), 30_000);
  await operator.settle();
  expect(world.events.filter((event) => event.reason === 'Takeover')).toHaveLength(0);
  expectAsSpecified(world, 3, 1);
});

test('a node that lost its volume is replaced, and its old id forgotten by all', async () => {
  const { world, operator } = await formed({ shards: 3, replicas: 1, persistence: { mode: 'None' } });
  world.replace(world.primaryOf(2), 3000);
  await operator.settle();
  expectAsSpecified(world, 3, 1);
});

test('a shard that is lost with every copy is given up, said so, and served again empty', async () => {
  const { world, operator } = await formed({ shards: 3, replicas: 0, persistence: { mode: 'None' } });
  world.replace(world.primaryOf(1), 1000);
  await operator.settle();
  expect(
    world.events.some((event) => event.reason === 'Forget' && event.message.includes('lost with every copy')),
  ).toBe(true);
  expect(world.shards.size).toBe(3);
  for (const node of world.nodes()) expect(node.isOk()).toBe(true);
});

test('another image reaches every node, one after another, primaries last and after they handed over', async () => {
  const { world, operator } = await formed({ shards: 2, replicas: 1, image: 'server:1' });
  const primaries = [0, 1].map((shard) => world.primaryOf(shard).name);
  world.want({ image: 'server:2' });
  await operator.settle();
  expect([...world.restarts].sort()).toEqual(
    world
      .nodes()
      .map((node) => node.name)
      .sort(),
  );
  for (const shard of [0, 1])
    expect(world.restarts.filter((name) => name.startsWith(`sim-${shard}-`)).at(-1)).toBe(primaries[shard]);
  expectAsSpecified(world, 2, 1);
});

test('a directive that is taken at start only restarts each node once; one that is taken live restarts none', async () => {
  const { world, operator } = await formed({ shards: 2, replicas: 1 });
  world.want({ config: { maxmemory: '1gb' } });
  await operator.settle();
  expect(world.restarts).toEqual([]);
  world.want({ config: { maxmemory: '1gb', 'tcp-backlog': '128' } });
  await operator.settle();
  expect(world.restarts).toHaveLength(4);
  for (const node of world.nodes()) expect(node.config).toEqual({ maxmemory: '1gb', 'tcp-backlog': '128' });
  expectAsSpecified(world, 2, 1);
});

test('a node alone in its shard is restarted when it has a volume, and left alone when its keys would be lost', async () => {
  const durable = await formed({ shards: 2, replicas: 0, persistence: { mode: 'RDB' }, image: 'server:1' });
  durable.world.want({ image: 'server:2' });
  await durable.operator.settle();
  expect(durable.world.restarts).toEqual(['sim-0-0', 'sim-1-0']);
  const fleeting = await formed({ shards: 2, replicas: 0, persistence: { mode: 'None' }, image: 'server:1' });
  fleeting.world.want({ image: 'server:2' });
  await fleeting.operator.runFor(20_000);
  expect(fleeting.world.restarts).toEqual([]);
  expect((await fleeting.operator.pass()).status?.reason).toBe('RestartHeld');
});

test('while paused nothing is done, and afterwards everything', async () => {
  const { world, operator } = await formed();
  world.want({ paused: true, shards: 4 });
  await operator.runFor(30_000);
  expect(world.shards.size).toBe(3);
  world.want({ paused: false });
  await operator.settle();
  expectAsSpecified(world, 4, 1);
});

test('an operator that cannot reach most primaries decides nothing', async () => {
  const { world, operator } = await formed();
  for (const shard of [0, 1]) world.hide(world.primaryOf(shard), 40_000);
  const { acts } = world;
  await operator.runFor(30_000);
  expect(world.acts).toBe(acts);
  await operator.settle();
});

type Event =
  | { readonly kind: 'shards' | 'replicas' | 'run'; readonly to: number }
  | { readonly kind: 'crash' | 'replace' | 'hide'; readonly node: number; readonly forMs: number }
  | { readonly kind: 'replaceAll' | 'restart' }
  | { readonly kind: 'image'; readonly to: number };

const events: fc.Arbitrary<Event> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('shards' as const), to: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('replicas' as const), to: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('run' as const), to: fc.integer({ min: 100, max: 15_000 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('crash' as const, 'replace' as const, 'hide' as const),
      node: fc.nat(20),
      forMs: fc.integer({ min: 300, max: 20_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('replaceAll' as const, 'restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('image' as const), to: fc.integer({ min: 1, max: 3 }) }) },
);

async function happen(event: Event, world: World, operator: Operator): Promise<void> {
  const nodes = world.nodes();
  if (event.kind === 'shards' || event.kind === 'replicas') world.want({ [event.kind]: event.to });
  else if (event.kind === 'run') await operator.runFor(event.to);
  else if (event.kind === 'image') world.want({ image: `server:${event.to}` });
  else if (event.kind === 'restart') operator.restart();
  else if (event.kind === 'replaceAll') for (const node of nodes) world.replace(node, 2000);
  else if ('node' in event && nodes.length > 0) world[event.kind](nodes[event.node % nodes.length]!, event.forMs);
}

test('from whatever kills, moves, changes of mind and lag, the cluster becomes what the spec says and loses nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(events, { maxLength: 12 }), async (seed, story) => {
      const world = new World({ shards: 3, replicas: 1 }, seed);
      const operator = new Operator(world);
      for (const event of story) await happen(event, world, operator);
      const { status } = await operator.settle();
      expect(status?.state).toBe('Ready');
      expectAsSpecified(world, status!.shards, status!.shardStatuses[0]!.replicas.length);
    }),
    { numRuns: Number(process.env.PROPERTY_RUNS ?? 10), seed: Number(process.env.PROPERTY_SEED ?? 1828628829) },
  );
}, 600_000);
