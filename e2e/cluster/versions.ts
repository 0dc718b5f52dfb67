// versions.ts: every version that the bring-up uses. They are read from where they are pinned, so that none is written twice.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const here = import.meta.dirname;
export const toolsModule = join(here, 'tools');
export const containerdModule = join(toolsModule, 'containerd');

/** The version that a go.mod requires of a module; `go` stands for the language version. */
export function pinned(goMod: string, module: string): string {
  const line = goMod
    .split('\n')
    .find((text) => text.trim().startsWith(`${module} `) || text.startsWith(`require ${module} `));
  const version = line
    ?.replace(/^require /, '')
    .trim()
    .split(/\s+/)[1];
  if (version === undefined) throw new Error(`go.mod names no version of ${module}`);
  return version;
}

/** The texts of files of this folder: a result made by them is made anew when they change. */
export function ownSource(...names: readonly string[]): readonly string[] {
  return names.map((name) => readFileSync(join(here, name), 'utf8'));
}

const goMod = readFileSync(join(toolsModule, 'go.mod'), 'utf8');
const projectPackage: unknown = JSON.parse(readFileSync(join(here, '../../package.json'), 'utf8'));

export const versions = {
  kubernetes: pinned(goMod, 'k8s.io/kubernetes'),
  helm: pinned(goMod, 'helm.sh/helm/v4'),
  containerd: pinned(readFileSync(join(containerdModule, 'go.mod'), 'utf8'), 'github.com/containerd/containerd/v2'),
  go: pinned(goMod, 'go'),
  node: nodeVersion(projectPackage),
  npm: '12.2.0',
  /** Its systemd 252 still boots on cgroup v1; that of the next Debian does not. */
  debian: 'bookworm',
} as const;

function nodeVersion(manifest: unknown): string {
  if (typeof manifest === 'object' && manifest !== null && 'devDependencies' in manifest) {
    const pins = manifest.devDependencies;
    if (typeof pins === 'object' && pins !== null && 'node' in pins && typeof pins.node === 'string') return pins.node;
  }
  throw new Error('package.json: devDependencies.node: names no version of Node');
}

/** Whether the first version in a text, such as "go version go1.26.8 linux/amd64", is at least a minimum such as "1.33". */
export function isAtLeast(version: string, minimum: string): boolean {
  const parts = (text: string) => (/\d+(\.\d+)*/.exec(text)?.[0] ?? '').split('.').map(Number);
  const have = parts(version);
  for (const [index, part] of parts(minimum).entries()) {
    const other = have[index] ?? 0;
    if (other !== part) return other > part;
  }
  return true;
}
