/** The informer on a scripted API server: every way in which a watch ends, and what the cache holds afterwards. */

import { expect, test } from 'vitest';
import { ApiError, type WatchEvent } from './client.ts';
import { FIRST_PAUSE_MS, Informer, LONGEST_PAUSE_MS, type WatchSource } from './informer.ts';
import type { RawObject, StoredObject } from './objects.ts';

/** One watch of the script: the events it yields, and how it ends. */
interface Watch {
  readonly events?: readonly WatchEvent[];
  readonly fails?: Error;
}

/** An API server that answers from a script; when the script is over, the watch hangs until it is stopped. */
function scripted(script: { lists: (RawObject[] | Error)[]; watches: Watch[] }) {
  const asked: string[] = [];
  const changes: string[] = [];
  const pauses: number[] = [];
  const over = Promise.withResolvers<void>();
  let version = 100;
  const source: WatchSource = {
    async list() {
      asked.push('list');
      const items = script.lists.shift();
      if (items === undefined) throw new Error('the script has no further list');
      if (items instanceof Error) throw items;
      return { items, resourceVersion: String(version++) };
    },
    async *watch(resourceVersion, signal) {
      asked.push(`watch ${resourceVersion}`);
      const next = script.watches.shift();
      if (next === undefined) {
        over.resolve();
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        return;
      }
      yield* next.events ?? [];
      if (next.fails) throw next.fails;
    },
  };
  const informer = new Informer({
    source,
    onChange: (object: StoredObject, deleted) =>
      changes.push(`${deleted ? '-' : '+'}${object.metadata.name}@${object.metadata.resourceVersion}`),
    onRestart: (_error, pauseMs) => pauses.push(pauseMs),
    sleep: async () => {},
    random: () => 0.999999,
  });
  const run = async () => {
    await informer.start();
    await over.promise;
    const names = informer.list().map((object) => object.metadata.name);
    await informer.stop();
    return names;
  };
  return { informer, run, asked, changes, pauses };
}

const pod = (name: string, resourceVersion: number): RawObject => ({
  metadata: { name, namespace: 'n', resourceVersion: String(resourceVersion) },
});
const event = (type: WatchEvent['type'], name: string, resourceVersion: number): WatchEvent => ({
  type,
  object: pod(name, resourceVersion),
});
const refused = new ApiError('watch', 0, '', 'connect ECONNREFUSED');
const gone: WatchEvent = {
  type: 'ERROR',
  object: { code: 410, reason: 'Expired', message: 'too old resource version' },
};

test('it lists, then follows additions, changes and deletions', async () => {
  const server = scripted({
    lists: [[pod('a', 1)]],
    watches: [{ events: [event('ADDED', 'b', 101), event('MODIFIED', 'a', 102), event('DELETED', 'b', 103)] }],
  });
  expect(await server.run()).toEqual(['a']);
  expect(server.changes).toEqual(['+a@1', '+b@101', '+a@102', '-b@103']);
  expect(server.asked).toEqual(['list', 'watch 100', 'watch 103']);
});

test('a bookmark moves the version on without a change', async () => {
  const server = scripted({ lists: [[]], watches: [{ events: [event('BOOKMARK', '', 500)], fails: refused }] });
  await server.run();
  expect(server.changes).toEqual([]);
  expect(server.asked).toEqual(['list', 'watch 100', 'watch 500']);
});

test('a broken connection is resumed from the last version, not listed again', async () => {
  const server = scripted({
    lists: [[pod('a', 1)]],
    watches: [{ events: [event('ADDED', 'b', 101)], fails: refused }, { fails: refused }],
  });
  expect(await server.run()).toEqual(['a', 'b']);
  expect(server.asked).toEqual(['list', 'watch 100', 'watch 101', 'watch 101']);
});

test('a version that is too old leads to a new list, which removes what was deleted meanwhile', async () => {
  const server = scripted({
    lists: [
      [pod('a', 1), pod('b', 2)],
      [pod('b', 2), pod('c', 9)],
    ],
    watches: [{ events: [gone] }],
  });
  expect(await server.run()).toEqual(['b', 'c']);
  expect(server.changes).toEqual(['+a@1', '+b@2', '+c@9', '-a@1']);
  expect(server.pauses).toEqual([]);
});

test('a refusal with status 410 leads to a new list as well, and repeated ones are paced', async () => {
  const tooOld = new ApiError('watch', 410, 'Expired', 'too old');
  const server = scripted({ lists: [[], [], []], watches: [{ fails: tooOld }, { fails: tooOld }] });
  await server.run();
  expect(server.asked.filter((what) => what === 'list')).toHaveLength(3);
  expect(server.pauses).toHaveLength(1);
});

test('any other error is tried again for ever, with pauses that double up to a limit', async () => {
  const server = scripted({
    lists: [new Error('503'), new Error('403'), []],
    watches: Array.from({ length: 10 }, () => ({ fails: refused })),
  });
  await server.run();
  expect(server.pauses).toHaveLength(12);
  expect(server.pauses.slice(0, 3)).toEqual([FIRST_PAUSE_MS, FIRST_PAUSE_MS * 2, FIRST_PAUSE_MS * 4]);
  expect(Math.max(...server.pauses)).toBe(LONGEST_PAUSE_MS);
});

test('an event ends the series of pauses', async () => {
  const server = scripted({
    lists: [[]],
    watches: [{ fails: refused }, { fails: refused }, { events: [event('ADDED', 'a', 101)], fails: refused }],
  });
  await server.run();
  expect(server.pauses).toEqual([FIRST_PAUSE_MS, FIRST_PAUSE_MS * 2, FIRST_PAUSE_MS]);
});

test('what is kept has neither managedFields nor a copy of the manifest', async () => {
  const server = scripted({
    lists: [
      [
        {
          metadata: {
            name: 'a',
            namespace: 'n',
            resourceVersion: '1',
            managedFields: [{}],
            annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'yes' },
          },
        },
      ],
    ],
    watches: [],
  });
  await server.run();
  const metadata = server.informer.get('n', 'a')?.metadata;
  expect(metadata?.annotations).toEqual({ mine: 'yes' });
  expect(Object.keys(metadata ?? {})).not.toContain('managedFields');
});

test('stopping before the first list ends the wait for it', async () => {
  const informer = new Informer({
    source: { list: () => new Promise(() => {}), async *watch() {} },
    onChange: () => {},
    onRestart: () => {},
    sleep: async () => {},
    random: () => 0,
  });
  const started = informer.start();
  void informer.stop();
  await started;
});

test('the answer to a write of our own is seen at once, and an older event of the watch does not undo it', async () => {
  const server = scripted({ lists: [[pod('a', 1)]], watches: [] });
  await server.informer.start();
  server.informer.absorb({ metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '110' } });
  server.informer.absorb({ metadata: { name: 'a', namespace: 'n', uid: 'u', resourceVersion: '90' } });
  expect(server.informer.get('n', 'a')?.metadata.resourceVersion).toBe('110');
  await server.run();
});
