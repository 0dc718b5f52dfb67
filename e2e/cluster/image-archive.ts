// image-archive.ts: writes container images without a container engine, from folders.
//
// Format: what `docker save` writes and `docker load`, `ctr images import` and kind read: a tar with, in this order,
// "repositories" (names), "manifest.json" (names, configuration and layers of every image), a configuration and one layer an image.
// kind takes the names from whichever of the first two comes first, and from manifest.json only those of the first image.

import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { limits } from './limits.ts';
import type { Shell } from './shell.ts';

export type Image = {
  /** With its registry spelt out: what kind asks for by a full name, it must find by that name. */
  readonly name: string;
  readonly root: string;
  readonly configuration: {
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly Env?: readonly string[];
    readonly StopSignal?: string;
    readonly Labels?: Readonly<Record<string, string>>;
  };
};

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** The host's own kernel interfaces are mounted here in a container. */
const leftOut = ['./proc/*', './sys/*', './dev/*'].map((pattern) => `--exclude=${pattern}`);

export async function writeImageArchive(file: string, images: readonly Image[], shell: Shell): Promise<void> {
  const work = `${file}.work`;
  mkdirSync(work, { recursive: true });
  const entries = [];
  for (const [index, image] of images.entries()) {
    const packed = join(work, `layer-${index}`);
    await shell.run(['tar', '-C', image.root, '--numeric-owner', ...leftOut, '-cf', packed, '.'], {
      timeoutMs: limits.imageMs,
    });
    const digest = await sha256(packed);
    const layer = `${digest}.tar`;
    renameSync(packed, join(work, layer));
    const configuration = JSON.stringify(imageConfiguration(image, digest));
    const configurationFile = `${createHash('sha256').update(configuration).digest('hex')}.json`;
    writeFileSync(join(work, configurationFile), configuration);
    entries.push({ Config: configurationFile, RepoTags: [image.name], Layers: [layer] });
  }
  writeFileSync(join(work, 'repositories'), JSON.stringify(repositories(images)));
  writeFileSync(join(work, 'manifest.json'), JSON.stringify(entries));
  const names = [
    'repositories',
    'manifest.json',
    ...new Set(entries.flatMap((entry) => [entry.Config, ...entry.Layers])),
  ];
  await shell.run(['tar', '-C', work, '-cf', file, ...names], { timeoutMs: limits.imageMs });
  rmSync(work, { recursive: true });
}

function imageConfiguration(image: Image, layerDigest: string) {
  return {
    architecture: 'amd64',
    os: 'linux',
    created: '1970-01-01T00:00:00Z', // equal inputs make equal images
    config: { ...image.configuration, Env: [defaultPath, ...(image.configuration.Env ?? [])] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'keyherd e2e/cluster' }],
  };
}

/** The names by repository and tag; the third level, the layer, is of no use to anyone who reads it today. */
export function repositories(
  images: readonly Pick<Image, 'name'>[],
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const byRepository: Record<string, Record<string, string>> = {};
  for (const { name } of images) {
    const colon = name.lastIndexOf(':');
    const tags = (byRepository[name.slice(0, colon)] ??= {});
    tags[name.slice(colon + 1)] = '';
  }
  return byRepository;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
