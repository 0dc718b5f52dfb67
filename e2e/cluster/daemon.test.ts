import { expect, test } from 'vitest';
import { daemonSettings } from './daemon.ts';

test('a machine that may give every capability gets the ordinary runtime', () => {
  expect(daemonSettings({ hasSysResource: true }, '/shim')).not.toHaveProperty('runtimes');
});

test('a machine without CAP_SYS_RESOURCE gets the runtime that does not ask for it', () => {
  expect(daemonSettings({ hasSysResource: false }, '/shim')).toMatchObject({
    runtimes: { 'without-sys-resource': { path: '/shim' } },
    'default-runtime': 'without-sys-resource',
  });
});
