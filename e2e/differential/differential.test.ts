/**
 * Random stories beside a real valkey-server, and stories kept from differences that were found. More of them: npm run differential.
 * Skipped with a line when there is no valkey-server 9.1.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { kept } from './kept.ts';
import { Ours, Theirs } from './servers.ts';
import { type Story, stories } from './story.ts';

const PORT = 17_931;
const SEQUENCES = 2_000;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to tell stories to\n');

describe.skipIf(valkey === null)('beside a real valkey-server', () => {
  let theirs: Theirs;
  const ours = new Ours();

  beforeAll(async () => {
    theirs = new Theirs(valkey!.path, PORT);
    await theirs.open();
  });

  afterAll(() => theirs?.close());

  async function expectSame(story: Story): Promise<void> {
    const [mine, their] = await Promise.all([ours.tell(story), theirs.tell(story)]);
    expect(mine).toEqual(their);
  }

  test.each(kept)('$about', async ({ story }) => {
    await expectSame(story);
  });

  test('random stories lead to the same replies and the same dataset', async () => {
    await fc.assert(fc.asyncProperty(stories([], theirs.movesTime), expectSame), {
      numRuns: Number(process.env.PROPERTY_RUNS ?? SEQUENCES),
    });
  }, 300_000);
});
