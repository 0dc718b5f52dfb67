/**
 * Scripts and functions beside a real valkey-server: the same replies in both protocols, errors, and replication stream.
 * Skipped with a line when there is no valkey-server 9.1.
 */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import '../../tools/property-seed.ts';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Side } from '../testing/side-by-side.ts';
import { EFFECTS, FUNCTIONS, LIBRARY, PREPARATION, SCRIPT_COMMANDS, SCRIPTS } from './scripting.fixtures.ts';

const OUR_PORT = 23520;
const THEIR_PORT = 23521;
const PROGRAM = join(import.meta.dirname, '..', 'main.ts');
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare scripts with\n');

describe.skipIf(valkey === null)('scripts beside a valkey-server', () => {
  let ours: Side;
  let theirs: Side;

  beforeAll(async () => {
    ours = new Side([process.execPath, PROGRAM], OUR_PORT);
    theirs = new Side([valkey!.path], THEIR_PORT);
    await Promise.all([ours.open(), theirs.open()]);
  }, 60_000);

  afterAll(() => {
    ours?.close();
    theirs?.close();
  });

  async function prepare(protocol: string): Promise<void> {
    for (const side of [ours, theirs]) {
      await side.ask('HELLO', protocol);
      await side.ask('FLUSHALL');
      for (const words of PREPARATION) await side.ask(...words);
    }
  }

  /** The replies of both, side by side with what was asked. */
  async function compare(requests: readonly (readonly string[])[]): Promise<void> {
    const ourReplies: unknown[] = [];
    const theirReplies: unknown[] = [];
    for (const words of requests) {
      ourReplies.push([words, await ours.ask(...words)]);
      theirReplies.push([words, await theirs.ask(...words)]);
    }
    expect(ourReplies).toEqual(theirReplies);
  }

  for (const protocol of ['2', '3']) {
    for (const [name, scripts] of Object.entries(SCRIPTS)) {
      test(`${name}, RESP${protocol}`, async () => {
        await prepare(protocol);
        await compare(scripts.map((script) => ['EVAL', script, '0']));
      }, 60_000);
    }

    test(`SCRIPT and EVALSHA, RESP${protocol}`, async () => {
      await prepare(protocol);
      await compare(SCRIPT_COMMANDS);
    });

    test(`functions, RESP${protocol}`, async () => {
      await prepare(protocol);
      await compare(FUNCTIONS);
    });
  }

  test('what scripts change goes to replicas the same way', async () => {
    await prepare('2');
    const ourOutcomes: unknown[] = [];
    const theirOutcomes: unknown[] = [];
    for (const script of EFFECTS) {
      const words = ['EVAL', script, '2', 'key', 'number', '5', 'b\0\xff'];
      ourOutcomes.push([script, await ours.run(words)]);
      theirOutcomes.push([script, await theirs.run(words)]);
    }
    for (const words of [
      ['FUNCTION', 'LOAD', LIBRARY],
      ['FCALL', 'fset', '1', 'a', 'b'],
      ['FUNCTION', 'DELETE', 'lib'],
      ['FUNCTION', 'FLUSH'],
    ]) {
      ourOutcomes.push([words, await ours.run(words)]);
      theirOutcomes.push([words, await theirs.run(words)]);
    }
    expect(ourOutcomes).toEqual(theirOutcomes);
  });

  test('a dump of either is restored by the other', async () => {
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      await from.ask('FUNCTION', 'FLUSH');
      await to.ask('FUNCTION', 'FLUSH');
      await from.ask('FUNCTION', 'LOAD', LIBRARY);
      await from.ask(
        'FUNCTION',
        'LOAD',
        `#!lua name=big\n--${'x'.repeat(20_000)}\nredis.register_function("big", function() return 1 end)`,
      );
      const payload = String(await from.ask('FUNCTION', 'DUMP')).slice(1);
      expect(await to.ask('FUNCTION', 'RESTORE', payload)).toBe('+OK');
      // Which of the two is named follows from the order of a table with a random seed.
      for (const side of [to, from])
        expect(await side.ask('FUNCTION', 'RESTORE', payload)).toMatch(/^-ERR Library (lib|big) already exists$/);
      expect(await to.ask('FUNCTION', 'RESTORE', payload, 'REPLACE')).toBe('+OK');
      expect(await to.ask('FUNCTION', 'RESTORE', payload, 'FLUSH')).toBe('+OK');
      expect(await to.ask('FCALL', 'big', '0')).toBe(':1');
    }
  });

  test('any arguments come through the libraries alike', async () => {
    await prepare('3');
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.double(),
        fc.integer(),
        fc.string({ unit: 'binary' }),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie('any'), { maxKeys: 1 }),
      ),
    })).any;
    const script =
      'local v = cjson.decode(ARGV[1]) local p = cmsgpack.pack(v) ' +
      'return {cjson.encode(v), p, cjson.encode((cmsgpack.unpack(p))), v}';
    await fc.assert(
      fc.asyncProperty(value, async (one) => {
        const words = ['EVAL', script, '0', Buffer.from(JSON.stringify(one)).toString('latin1')];
        expect(await ours.ask(...words)).toEqual(await theirs.ask(...words));
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});
