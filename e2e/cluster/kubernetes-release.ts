// kubernetes-release.ts: the archive that `kind build node-image --type file` takes, with all images inside, so that kind pulls none.
//
// A release has an image archive for each of four programs, and kind loads exactly these. The images of etcd, CoreDNS, pause and
// kind's add-ons ride in kube-proxy's.

import {
  chmodSync,
  copyFileSync,
  cpSync,
  createWriteStream,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createGzip } from 'node:zlib';
import { inRoot } from './debian.ts';
import { type Image, writeImageArchive } from './image-archive.ts';
import { limits } from './limits.ts';
import type { Shell } from './shell.ts';
import { versions } from './versions.ts';

const libraries = 'usr/lib/x86_64-linux-gnu';

type ImageRow = {
  /** The last part of the image's name before its tag. */
  readonly image: string;
  readonly archive: 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kube-proxy';
  readonly contents: 'program' | 'program and network tools' | 'program alone' | 'shell';
};

const imageRows: readonly ImageRow[] = [
  { image: 'kube-apiserver', archive: 'kube-apiserver', contents: 'program' },
  { image: 'kube-controller-manager', archive: 'kube-controller-manager', contents: 'program' },
  { image: 'kube-scheduler', archive: 'kube-scheduler', contents: 'program' },
  { image: 'kube-proxy', archive: 'kube-proxy', contents: 'program and network tools' },
  { image: 'etcd', archive: 'kube-proxy', contents: 'program' },
  { image: 'coredns', archive: 'kube-proxy', contents: 'program' },
  { image: 'kindnetd', archive: 'kube-proxy', contents: 'program and network tools' },
  { image: 'local-path-provisioner', archive: 'kube-proxy', contents: 'program' },
  { image: 'local-path-helper', archive: 'kube-proxy', contents: 'shell' },
  { image: 'pause', archive: 'kube-proxy', contents: 'program alone' },
];

/** The full names of the images that kubeadm and kind will ask for, as they themselves say them. */
export async function imageNames(kindSource: string, kubeadm: string, shell: Shell): Promise<readonly string[]> {
  const listed = await shell.run([kubeadm, 'config', 'images', 'list', '--kubernetes-version', versions.kubernetes]);
  const ofKubeadm = listed.split('\n').filter((line) => line.includes(':') && !line.includes('/pause:'));
  const ofKind = [
    'pkg/build/nodeimage/const_cni.go',
    'pkg/build/nodeimage/const_storage.go',
    'images/base/files/etc/containerd/config.toml', // sandbox_image: the pause image
  ].flatMap((file) => namesInQuotes(readFileSync(join(kindSource, file), 'utf8')));
  return [...new Set([...ofKubeadm, ...ofKind])];
}

export function namesInQuotes(source: string): readonly string[] {
  return [...source.matchAll(/"((?:docker\.io\/kindest|registry\.k8s\.io)\/[a-z-]+:[^"\s]+)"/g)].flatMap(
    (match) => match[1] ?? [],
  );
}

export type Sources = {
  /** The file of a built program. */
  program(name: string): string;
  /** The root file system of a node, which has the network tools and the shell. */
  readonly root: string;
  readonly names: readonly string[];
};

export async function writeRelease(file: string, sources: Sources, shell: Shell): Promise<void> {
  const work = `${file}.work`;
  const server = join(work, 'kubernetes/server/bin');
  mkdirSync(server, { recursive: true });
  writeFileSync(join(work, 'kubernetes/version'), versions.kubernetes);
  for (const name of ['kubeadm', 'kubelet', 'kubectl']) symlinkSync(sources.program(name), join(server, name));
  for (const archive of new Set(imageRows.map((row) => row.archive))) {
    const images: Image[] = [];
    for (const row of imageRows) {
      if (row.archive === archive) images.push(await assemble(join(work, 'roots', row.image), row, sources, shell));
    }
    await writeImageArchive(join(server, `${archive}.tar`), images, shell);
  }
  // kind reads gzip alone, and reads it once: no time is spent on making it small.
  await shell.pipeOut(
    ['tar', '-C', work, '--dereference', '-cf', '-', 'kubernetes'],
    [createGzip({ level: 0 }), createWriteStream(file)],
  );
  await shell.run(['rm', '-rf', work], { timeoutMs: limits.imageMs });
}

async function assemble(folder: string, row: ImageRow, sources: Sources, shell: Shell): Promise<Image> {
  const name = sources.names.find((candidate) => candidate.includes(`/${row.image}:`));
  if (name === undefined)
    throw new Error(`neither kubeadm nor kind names an image ${row.image}: they name ${sources.names.join(', ')}`);
  mkdirSync(folder, { recursive: true });
  if (row.contents === 'program alone') {
    copyFileSync(sources.program(row.image), join(folder, row.image));
    return { name, root: folder, configuration: { Entrypoint: [`/${row.image}`] } };
  }
  writeSkeleton(folder, sources.root);
  if (row.contents === 'shell') {
    await addShell(folder, sources.root, shell);
    return { name, root: folder, configuration: { Entrypoint: ['/bin/sh'] } };
  }
  if (row.contents === 'program and network tools') await addNetworkTools(folder, sources.root, shell);
  copyFileSync(sources.program(row.image), join(folder, 'usr/local/bin', row.image));
  return { name, root: folder, configuration: { Entrypoint: [`/usr/local/bin/${row.image}`] } };
}

function writeSkeleton(folder: string, root: string): void {
  for (const path of ['etc/ssl/certs', 'tmp', 'run', 'usr/local/bin'])
    mkdirSync(join(folder, path), { recursive: true });
  chmodSync(join(folder, 'tmp'), 0o1777);
  writeFileSync(
    join(folder, 'etc/passwd'),
    'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n',
  );
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  writeFileSync(join(folder, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  copyFileSync(join(root, 'etc/ssl/certs/ca-certificates.crt'), join(folder, 'etc/ssl/certs/ca-certificates.crt'));
}

async function addShell(folder: string, root: string, shell: Shell): Promise<void> {
  mkdirSync(join(folder, 'bin'));
  copyFileSync(join(root, 'bin/busybox'), join(folder, 'bin/busybox'));
  const applets = (await shell.run(inRoot(root, 'busybox --list'))).split('\n');
  for (const applet of applets)
    if (applet !== '' && applet !== 'busybox') symlinkSync('busybox', join(folder, 'bin', applet));
}

/** iptables, nft and conntrack with every library that they, or a plugin that iptables opens, are linked with. */
async function addNetworkTools(folder: string, root: string, shell: Shell): Promise<void> {
  for (const path of ['usr/sbin', libraries, 'lib64']) mkdirSync(join(folder, path), { recursive: true });
  symlinkSync('usr/sbin', join(folder, 'sbin'));
  symlinkSync('usr/lib', join(folder, 'lib'));
  const tools = ['xtables-nft-multi', 'nft', 'conntrack'];
  for (const tool of tools) copyFileSync(join(root, 'usr/sbin', tool), join(folder, 'usr/sbin', tool));
  cpSync(join(root, libraries, 'xtables'), join(folder, libraries, 'xtables'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  for (const family of ['iptables', 'ip6tables']) {
    for (const name of [family, `${family}-save`, `${family}-restore`])
      symlinkSync('xtables-nft-multi', join(folder, 'usr/sbin', name));
  }
  const linked = await shell.run(
    inRoot(root, `ldd ${tools.map((tool) => `/usr/sbin/${tool}`).join(' ')} /${libraries}/xtables/*.so`),
  );
  for (const library of librariesOf(linked)) {
    mkdirSync(dirname(join(folder, library)), { recursive: true });
    await shell
      .run(inRoot(root, `readlink -f ${library}`))
      .then((real) => copyFileSync(join(root, real.trim()), join(folder, library)));
  }
}

/** The library files in what ldd prints: "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)". */
export function librariesOf(lddOutput: string): readonly string[] {
  return [...new Set([...lddOutput.matchAll(/(?:=>\s+|^\s+)(\/lib\S+)\s+\(/gm)].flatMap((match) => match[1] ?? []))];
}
