import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { repositories, writeImageArchive } from './image-archive.ts';
import { Shell } from './shell.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyherd-image-archive-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the names of several images are grouped by repository, and a registry with a port keeps its colon', () => {
  const images = [{ name: 'host:5000/a/b:1' }, { name: 'host:5000/a/b:2' }, { name: 'c:1' }];
  expect(repositories(images)).toEqual({ 'host:5000/a/b': { '1': '', '2': '' }, c: { '1': '' } });
});

test('an archive begins with the names of all its images, where kind looks for them, and holds what each is made of', async () => {
  const shell = new Shell();
  const images = ['first:1', 'second:1'].map((name) => {
    const root = join(folder, name.slice(0, -2));
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, 'who'), name);
    return { name, root, configuration: { Entrypoint: ['/who'] } };
  });
  const file = join(folder, 'images.tar');
  await writeImageArchive(file, images, shell);

  const names = (await shell.run(['tar', '-tf', file])).trim().split('\n');
  expect(names.slice(0, 2)).toEqual(['repositories', 'manifest.json']);
  const manifest: unknown = JSON.parse(await shell.run(['tar', '-xOf', file, 'manifest.json']));
  expect(manifest).toMatchObject([{ RepoTags: ['first:1'] }, { RepoTags: ['second:1'] }]);
  const [layer] = (manifest as { Layers: string[] }[])[1]!.Layers;
  expect(names).toContain(layer);
  expect(await shell.run(['sh', '-c', `tar -xOf ${file} ${layer} | tar -xOf - ./who`])).toBe('second:1');
});
