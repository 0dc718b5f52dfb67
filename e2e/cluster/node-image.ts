// node-image.ts: the image of a kind node, made from nothing but Debian packages and Go modules.
//
// Three results: a Debian that can be a node, a Kubernetes release archive, and the node image, which the genuine
// `kind build node-image` makes from both. The last is kept compressed, so that it outlives the daemon's own storage.

import { createReadStream, createWriteStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { debootstrap, inRoot } from './debian.ts';
import { writeImageArchive } from './image-archive.ts';
import { imageNames, writeRelease } from './kubernetes-release.ts';
import { limits } from './limits.ts';
import { type Go, moduleFolder, networkPlugins } from './programs.ts';
import { Shell } from './shell.ts';
import { type ResultStep, resultStep, type Step } from './steps.ts';
import { ownSource, versions } from './versions.ts';

const kindModule = 'sigs.k8s.io/kind';

const nodePackages = [
  'systemd', 'systemd-sysv', 'dbus', 'conntrack', 'iptables', 'nftables', 'iproute2', 'ethtool', 'util-linux', 'mount', 'kmod',
  'libseccomp2', 'ca-certificates', 'jq', 'procps', 'e2fsprogs', 'socat', 'runc', 'busybox-static',
];

export type NodeImage = { readonly name: string; readonly loaded: Step; readonly rows: readonly Step[] };

/** The rows of the table that end in a node image known to the daemon. `built` are the steps of all programs. */
export function nodeImageSteps(go: Go, built: readonly ResultStep[], packages: Step, daemon: Step): NodeImage {
  const program = (name: string): string => {
    const step = built.find((candidate) => candidate.name === name);
    if (step === undefined) throw new Error(`no step builds ${name}`);
    return join(step.folder, name);
  };

  const debian = resultStep({
    name: 'node-debian',
    makes: `a Debian ${versions.debian} for nodes`,
    needs: [packages],
    inputs: [versions.debian, ...nodePackages, ...ownSource('debian.ts')],
    fill: (folder, shell) => debootstrap(join(folder, 'root'), nodePackages, shell),
  });
  const root = join(debian.folder, 'root');

  const release = resultStep({
    name: 'kubernetes-release',
    makes: `the release archive of Kubernetes ${versions.kubernetes}`,
    needs: [...built, debian],
    inputs: ownSource('kubernetes-release.ts', 'image-archive.ts'),
    fill: async (folder, shell) => {
      const names = await imageNames(await moduleFolder(kindModule, go, shell), program('kubeadm'), shell);
      await writeRelease(join(folder, 'release.tar.gz'), { program, root, names }, shell);
    },
  });

  const image: ResultStep = resultStep({
    name: 'node-image',
    makes: `the node image with Kubernetes ${versions.kubernetes}`,
    needs: [daemon, ...built, debian, release],
    inputs: ownSource('node-image.ts', 'image-archive.ts'),
    fill: async (folder, shell) => {
      const base = `keyherd-node-base:${image.key}`;
      await writeBase(folder, base, shell);
      await shell.run(['docker', 'load', '-i', join(folder, 'base.tar')], { timeoutMs: limits.imageMs });
      const source = ['--type', 'file', join(release.folder, 'release.tar.gz')];
      const build = [program('kind'), 'build', 'node-image', ...source, '--base-image', base, '--image', name];
      await shell.run(build, { timeoutMs: limits.imageMs, environment: { TMPDIR: folder } }); // kind unpacks a gigabyte there
      await saveImage(name, join(folder, imageFile), shell);
      await shell.run(['docker', 'rmi', base]);
      await shell.run(['rm', join(folder, 'base.tar')]);
    },
  });
  const name = `keyherd-node:${image.key}`;

  async function writeBase(folder: string, base: string, shell: Shell): Promise<void> {
    const baseRoot = join(folder, 'root');
    await shell.run(['cp', '-a', root, baseRoot], { timeoutMs: limits.imageMs });
    await becomeNode(baseRoot, await moduleFolder(kindModule, go, shell), program, shell);
    const configuration = { Entrypoint: ['/usr/local/bin/entrypoint', '/sbin/init'], Env: ['container=docker'], StopSignal: 'SIGRTMIN+3' };
    await writeImageArchive(join(folder, 'base.tar'), [{ name: base, root: baseRoot, configuration }], shell);
    await shell.run(['rm', '-rf', baseRoot], { timeoutMs: limits.imageMs });
  }

  const loaded = loadedStep({ name: 'node-image-loaded', image, imageName: name, daemon });
  return { name, loaded, rows: [debian, release, image, loaded] };
}

/** Does to a Debian what the Dockerfile of kind's own base image does, with the files of the pinned kind module. */
async function becomeNode(root: string, kindSource: string, program: (name: string) => string, shell: Shell): Promise<void> {
  const filesOfKind = join(kindSource, 'images/base/files');
  // A module's files are read-only: modes are set here and not taken over.
  const copy = (from: readonly string[], to: string) => shell.run(['cp', '-r', '--no-preserve=mode', ...from, to]);
  await copy([join(filesOfKind, 'kind'), join(filesOfKind, 'etc')], root);
  const scripts = readdirSync(join(filesOfKind, 'usr/local/bin')).map((name) => join(filesOfKind, 'usr/local/bin', name));
  const runtime = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'crictl'].map(program);
  const plugins = networkPlugins.map(({ name }) => program(name));
  await shell.run(['install', '-m', '0755', ...scripts, ...runtime, join(root, 'usr/local/bin')]);
  await shell.run(['install', '-d', join(root, 'opt/cni/bin'), join(root, 'etc/kubernetes/manifests')]);
  await shell.run(['install', '-m', '0755', ...plugins, join(root, 'opt/cni/bin')]);
  await shell.run(inRoot(root, nodeScript), { timeoutMs: limits.packagesMs });
}

/** Inside the node's root: few units, no kernel messages in the journal, and the runtime's specification as kind wants it. */
const nodeScript = `
chmod 0755 /kind /kind/bin /kind/bin/*
cd /lib/systemd/system
rm -f sysinit.target.wants/systemd-tmpfiles-setup.service multi-user.target.wants/* local-fs.target.wants/* basic.target.wants/*
rm -f sockets.target.wants/*udev* sockets.target.wants/*initctl* /etc/systemd/system/*.wants/*
echo ReadKMsg=no >> /etc/systemd/journald.conf
systemctl -q enable kubelet.service containerd.service undo-mount-hacks.service
systemctl -q mask systemd-binfmt.service
ctr oci spec |
  jq '.hooks.createContainer += [{path: "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' > /etc/containerd/cri-base.json
`;

export const imageFile = 'image.tar.zst';

/** Level 1: a gigabyte in seconds, at a third of its size. */
export async function saveImage(image: string, file: string, shell: Shell): Promise<void> {
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  await shell.pipeOut(['docker', 'save', image], [compress, createWriteStream(file)]);
}

/** The step that hands an image of the cache to the daemon, whose own copy may be older, or lost. */
export function loadedStep(row: {
  readonly name: string;
  readonly image: ResultStep;
  readonly imageName: string;
  readonly daemon: Step;
}): Step {
  return {
    name: row.name,
    makes: `${row.imageName} known to docker`,
    needs: [row.daemon.name, row.image.name],
    isDone: () => new Shell().succeeds(['docker', 'image', 'inspect', row.imageName]),
    run: (shell) => shell.pipeIn(['docker', 'load'], [createReadStream(join(row.image.folder, imageFile)), createZstdDecompress()]),
  };
}
