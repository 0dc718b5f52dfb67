// node-image.ts: the image of a kind node, made from nothing but Debian packages and Go modules.
//
// A Debian becomes what kind's own base image is, and the genuine `kind build node-image` adds a Kubernetes release to it.
// The result is kept compressed, so that it outlives the daemon's own storage.

import { createReadStream, createWriteStream, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { debootstrap, inRoot } from './debian.ts';
import { writeImageArchive } from './image-archive.ts';
import { imageNames, writeRelease } from './kubernetes-release.ts';
import { limits } from './limits.ts';
import { builtFile, type Go, moduleFolder, networkPlugins } from './programs.ts';
import { Shell } from './shell.ts';
import { type ResultStep, resultStep, type Step } from './steps.ts';
import { ownSource, versions } from './versions.ts';

const kindModule = 'sigs.k8s.io/kind';
const repository = 'keyherd-node';
const baseRepository = 'keyherd-node-base';

const nodePackages = [
  ...['systemd', 'systemd-sysv', 'dbus', 'libseccomp2', 'runc'], // to run services and containers
  ...['conntrack', 'iptables', 'nftables', 'iproute2', 'ethtool', 'socat'], // the pod network and port-forward
  ...['util-linux', 'mount', 'kmod', 'e2fsprogs', 'procps', 'jq', 'ca-certificates'], // kubelet and kind's entrypoint
  'busybox-static', // for the image in which volumes are made
];

export type NodeImage = { readonly name: string; readonly loaded: Step; readonly rows: readonly Step[] };

/** The rows of the table that end in a node image known to the daemon. `built` are the steps of the programs in it. */
export function nodeImageSteps(go: Go, built: readonly ResultStep[], packages: Step, daemon: Step): NodeImage {
  const program = (name: string) => builtFile(built, name);

  const debian = resultStep({
    name: 'node-debian',
    makes: `a Debian ${versions.debian} for nodes`,
    needs: [packages],
    inputs: [versions.debian, ...nodePackages, ...ownSource('debian.ts')],
    fill: (folder, shell) => debootstrap(join(folder, 'root'), nodePackages, shell),
  });
  const root = join(debian.folder, 'root');

  const image: ResultStep = resultStep({
    name: 'node-image',
    makes: `the node image with Kubernetes ${versions.kubernetes}`,
    needs: [daemon, ...built, debian],
    inputs: ownSource('node-image.ts', 'kubernetes-release.ts', 'image-archive.ts'),
    fill: async (folder, shell) => {
      const kindSource = await moduleFolder(kindModule, go, shell);
      const base = `${baseRepository}:${image.key}`;
      const baseArchive = join(folder, 'base.tar');
      await writeBase(baseArchive, base, kindSource, shell);
      await shell.run(['docker', 'load', '-i', baseArchive], { timeoutMs: limits.imageMs });
      const work = join(folder, 'work');
      mkdirSync(work);
      const release = join(work, 'release.tar.gz');
      const names = await imageNames(kindSource, program('kubeadm'), shell);
      await writeRelease(release, { program, root, names }, shell);
      const argv = ['build', 'node-image', '--type', 'file', release, '--base-image', base, '--image', name];
      const environment = { TMPDIR: work }; // kind unpacks a gigabyte there, and leaves it
      await shell.run([program('kind'), ...argv], { timeoutMs: limits.imageMs, environment });
      await saveImage(name, join(folder, imageFile), shell);
      await shell.run(['rm', '-rf', baseArchive, work], { timeoutMs: limits.imageMs });
      await removeImages(baseRepository, undefined, shell);
      await removeImages(repository, name, shell);
    },
  });
  const name = `${repository}:${image.key}`;

  async function writeBase(file: string, base: string, kindSource: string, shell: Shell): Promise<void> {
    const baseRoot = `${file}.root`;
    await shell.run(['cp', '-a', root, baseRoot], { timeoutMs: limits.imageMs });
    await becomeNode(baseRoot, kindSource, program, shell);
    const configuration = {
      Entrypoint: ['/usr/local/bin/entrypoint', '/sbin/init'],
      Env: ['container=docker'],
      StopSignal: 'SIGRTMIN+3',
    };
    await writeImageArchive(file, [{ name: base, root: baseRoot, configuration }], shell);
    await shell.run(['rm', '-rf', baseRoot], { timeoutMs: limits.imageMs });
  }

  const loaded = loadedStep({ name: 'node-image-loaded', image, imageName: name, daemon });
  return { name, loaded, rows: [debian, image, loaded] };
}

/** Does to a Debian what the Dockerfile of kind's own base image does, with the files of the pinned kind module. */
async function becomeNode(
  root: string,
  kindSource: string,
  program: (name: string) => string,
  shell: Shell,
): Promise<void> {
  const filesOfKind = join(kindSource, 'images/base/files');
  // A module's files are read-only: modes are set here and not taken over.
  const copy = (from: readonly string[], to: string) => shell.run(['cp', '-r', '--no-preserve=mode', ...from, to]);
  await copy([join(filesOfKind, 'kind'), join(filesOfKind, 'etc')], root);
  const scripts = readdirSync(join(filesOfKind, 'usr/local/bin')).map((name) =>
    join(filesOfKind, 'usr/local/bin', name),
  );
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

async function saveImage(image: string, file: string, shell: Shell): Promise<void> {
  await shell.pipeOut(['docker', 'save', image], [compressor(), createWriteStream(file)]);
}

/** Level 1: a gigabyte in seconds, at a third of its size. */
export function compressor() {
  return createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}

/** Takes from docker the images of a repository other than `kept`. One that a cluster still runs on stays. */
async function removeImages(repository: string, kept: string | undefined, shell: Shell): Promise<void> {
  const listed = await shell.run(['docker', 'images', '--format', '{{.Repository}}:{{.Tag}}', repository]);
  for (const image of listed.split('\n')) {
    if (image !== '' && image !== kept) await shell.attempt(['docker', 'rmi', image]);
  }
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
    run: (shell) =>
      shell.pipeIn(['docker', 'load'], [createReadStream(join(row.image.folder, imageFile)), createZstdDecompress()]),
  };
}
