import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createGunzip, createGzip } from 'node:zlib';
import { expect, test } from 'vitest';
import { findOnPath, Refusal, Shell } from './shell.ts';

const shell = new Shell();

test('a command gives its output, and reads its input', async () => {
  expect(await shell.run(['tr', 'a-z', 'A-Z'], { input: 'keyherd' })).toBe('KEYHERD');
});

test('a failure says what ran, how it ended and its last words', async () => {
  const failing = shell.run(['sh', '-c', 'echo disk full >&2; exit 3']);
  await expect(failing).rejects.toThrow(Refusal);
  await expect(failing).rejects.toThrow(/^sh -c .*: failed with exit code 3:\n {2}disk full/);
});

test('a program that does not exist is a failure like any other', async () => {
  await expect(shell.run(['keyherd-no-such-program'])).rejects.toThrow(/keyherd-no-such-program.*ENOENT/s);
});

test('a command that passes its time limit is ended, and the failure says so', async () => {
  const endless = shell.attempt(['sleep', '600'], { timeoutMs: 50 });
  expect(await endless).toMatchObject({ code: 124, stderr: expect.stringContaining('time limit') });
});

test('bytes go through a pipe into a command and out of one', async () => {
  const unpack = createGunzip();
  const unpacked = text(unpack);
  await shell.pipeOut(['printf', 'keyherd'], [createGzip(), unpack]);
  expect(await unpacked).toBe('keyherd');
  await shell.pipeIn(['grep', '-q', 'keyherd'], [Readable.from(['keyherd\n'])]);
  await expect(shell.pipeIn(['grep', '-q', 'keyherd'], [Readable.from(['other\n'])])).rejects.toThrow('exit code 1');
});

test('a program is found on PATH, and not in a folder that is passed over', () => {
  const file = findOnPath('sh');
  expect(file).toMatch(/\/sh$/);
  expect(findOnPath('sh', (process.env['PATH'] ?? '').split(':'))).toBeUndefined();
});
