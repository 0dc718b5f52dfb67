import { expect, test } from 'vitest';
import { readSettings } from './settings.ts';

test('a flag wins over the environment, which wins over the default', () => {
  const settings = readSettings(['--port', '9000', '--watch-namespace=team-a'], { PORT: '9001', LOG_LEVEL: 'debug' });
  expect(settings).toMatchObject({
    port: 9000,
    watchNamespace: 'team-a',
    logLevel: 'debug',
    leaseName: 'keyherd-operator',
  });
});

test('a bad value is one line that names where it came from', () => {
  expect(() => readSettings([], { PORT: '70000' })).toThrow(/^PORT: "70000" is not good/);
  expect(() => readSettings(['--log-level', 'loud'], {})).toThrow(/^--log-level: "loud" is not good/);
});

test('an unknown flag is refused with the list of those there are', () => {
  expect(() => readSettings(['--prot', '1'], {})).toThrow(/^--prot: unknown flag[\s\S]*--port/);
});

test('a flag without its value is refused', () => {
  expect(() => readSettings(['--port'], {})).toThrow('--port: a value must follow');
});
