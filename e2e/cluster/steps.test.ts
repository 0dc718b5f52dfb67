import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkTable, reach as reachWithLogs, resultStep, type Say, type Step } from './steps.ts';

/** A machine on which things are there or are made, and a memory of what was made. */
function world(...there: string[]) {
  const present = new Set(there);
  const made: string[] = [];
  const step = (name: string, ...needs: string[]): Step => ({
    name,
    makes: name,
    needs,
    isDone: () => present.has(name),
    run: async () => {
      made.push(name);
      present.add(name);
    },
  });
  return { present, made, step };
}

const quietly = () => undefined;

const logFolder = mkdtempSync(join(tmpdir(), 'keyherd-steps-'));
afterAll(() => rmSync(logFolder, { recursive: true }));

const reach = (table: readonly Step[], goals: readonly string[], say: Say) =>
  reachWithLogs(table, goals, say, logFolder);

test('from nothing, every step that a goal needs is made, needs first', async () => {
  const { step, made } = world();
  const table = [step('go'), step('kubelet', 'go'), step('debian'), step('image', 'kubelet', 'debian'), step('pod')];
  await reach(table, ['image'], quietly);
  expect(made).toEqual(['go', 'kubelet', 'debian', 'image']);
});

test('a result that is there spares all that only it would need', async () => {
  const { step, made } = world('image');
  const table = [step('go'), step('kubelet', 'go'), step('image', 'kubelet'), step('cluster', 'image')];
  await reach(table, ['cluster'], quietly);
  expect(made).toEqual(['cluster']);
});

test('a second run makes nothing and says nothing', async () => {
  const { step, made } = world();
  const table = [step('go'), step('cluster', 'go')];
  await reach(table, ['cluster'], quietly);
  const said: string[] = [];
  await reach(table, ['cluster'], (line) => said.push(line));
  expect(made).toEqual(['go', 'cluster']);
  expect(said).toEqual([]);
});

test('a step that several need is made once', async () => {
  const { step, made } = world();
  const table = [step('docker'), step('image', 'docker'), step('cluster', 'docker', 'image')];
  await reach(table, ['image', 'cluster'], quietly);
  expect(made).toEqual(['docker', 'image', 'cluster']);
});

test('an image that the daemon turns out to have, once it runs, is not built again', async () => {
  const { step, made, present } = world();
  const docker = step('docker');
  const daemonWithImage: Step = { ...docker, run: (shell) => docker.run(shell).then(() => void present.add('image')) };
  await reach([daemonWithImage, step('kubelet'), step('image', 'docker', 'kubelet')], ['image'], quietly);
  expect(made).toEqual(['docker']);
});

test('work that ends well without its result is an error that names the step and its log', async () => {
  const broken: Step = { name: 'image', makes: 'an image', needs: [], isDone: () => false, run: async () => undefined };
  await expect(reach([broken], ['image'], quietly)).rejects.toThrow(/image: .*an image is not there.*image\.log/);
});

test('a table in which a need stands below its step is refused', () => {
  const { step } = world();
  expect(() => checkTable([step('image', 'docker'), step('docker')])).toThrow('image needs docker');
  expect(() => checkTable([step('docker'), step('docker')])).toThrow('twice');
});

test('the key of a result changes with its own inputs and with those of what it is made of', () => {
  const image = (kubeletVersion: string, script: string) => {
    const fill = async () => undefined;
    const kubelet = resultStep({ name: 'kubelet', makes: '', needs: [], inputs: [kubeletVersion], fill });
    return resultStep({ name: 'image', makes: '', needs: [kubelet], inputs: [script], fill }).key;
  };
  expect(image('v1', 'a')).toBe(image('v1', 'a'));
  expect(new Set([image('v1', 'a'), image('v2', 'a'), image('v1', 'b')]).size).toBe(3);
});
