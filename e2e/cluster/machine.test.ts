import { expect, test } from 'vitest';
import { chooseDaemon, chooseWay, hasCapability, type Machine } from './machine.ts';

const debianAsRoot: Machine = {
  platform: 'linux',
  architecture: 'x64',
  isRoot: true,
  hasApt: true,
  dockerProblem: 'no docker on PATH',
  hasSysResource: true,
};
const laptop: Machine = { ...debianAsRoot, platform: 'darwin', isRoot: false, hasApt: false, dockerProblem: '' };

test('a daemon that answers is used, whoever started it', () => {
  expect(chooseDaemon(laptop)).toEqual({ choice: 'running' });
  expect(chooseDaemon({ ...debianAsRoot, dockerProblem: '' })).toEqual({ choice: 'running' });
});

test('on Debian, root gets a daemon of our own', () => {
  expect(chooseDaemon(debianAsRoot)).toEqual({ choice: 'started here' });
});

test('where no daemon can be had, one line says why and what to do', () => {
  expect(chooseDaemon({ ...laptop, dockerProblem: 'not running' })).toEqual({
    refusal: expect.stringMatching(/^docker does not answer \(not running\).*start Docker, and run again$/),
  });
  expect(chooseDaemon({ ...debianAsRoot, isRoot: false })).toEqual({ refusal: expect.stringContaining('as root') });
});

test('images are pulled wherever they can be', () => {
  expect(chooseWay(laptop, true)).toEqual({ choice: 'pulled' });
  expect(chooseWay(debianAsRoot, true)).toEqual({ choice: 'pulled' });
});

test('without a registry they are built on Debian as root on x64, and elsewhere one line says what is lacking', () => {
  expect(chooseWay(debianAsRoot, false)).toEqual({ choice: 'built' });
  expect(chooseWay(laptop, false)).toEqual({ refusal: expect.stringContaining('run on Debian') });
  expect(chooseWay({ ...debianAsRoot, isRoot: false }, false)).toEqual({ refusal: expect.stringContaining('as root') });
  expect(chooseWay({ ...debianAsRoot, architecture: 'arm64' }, false)).toEqual({
    refusal: expect.stringContaining('not for arm64'),
  });
});

test('a capability is read from the bounding set', () => {
  expect(hasCapability('CapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n', 24)).toBe(true);
  expect(hasCapability('CapEff:\t000001ffffffffff\nCapBnd:\t000001fffeffffff\n', 24)).toBe(false);
});
