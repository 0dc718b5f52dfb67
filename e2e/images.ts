/**
 * Builds the images of this checkout and loads them into the kind cluster.
 *
 * The build's context is a folder of its own with the sources and, as `given/`, the production modules out of
 * node_modules: so a build reaches no network. An image is named by a hash of its context: what has not changed is
 * neither built nor loaded again, and a new image is always a new name for the operator.
 */

import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadImage, podBaseImage, toolPath } from './cluster/index.ts';
import { Shell } from './cluster/shell.ts';

export interface Images {
  readonly server: string;
  readonly operator: string;
  readonly workload: string;
}

type Target = keyof Images;
const TARGETS: readonly Target[] = ['server', 'operator', 'workload'];

/** Sources of the images, as the Dockerfile copies them. */
const SOURCES = [
  'Dockerfile',
  '.dockerignore',
  'package.json',
  'package-lock.json',
  'tools/build.ts',
  'server',
  'operator',
  'e2e/workload',
];
/** What of node_modules goes into the images: these packages and all they depend on. */
const PRODUCTION_MODULES = ['pino', 'redis-parser', 'yaml', 'zod'];
const WORKLOAD_MODULES = ['iovalkey'];

const BUILD_LIMIT_MS = 10 * 60_000;

const root = join(import.meta.dirname, '..');

export async function buildImages(say: (line: string) => void): Promise<Images> {
  const base = await podBaseImage();
  const context = mkdtempSync(join(tmpdir(), 'keyherd-image-'));
  try {
    fillContext(context);
    const tag = hashOf(context, base);
    const images = {} as Record<Target, string>;
    for (const target of TARGETS) {
      const image = `keyherd-${target}:${tag}`;
      await build(target, image, base, context, say);
      await loadImage(image);
      images[target] = image;
    }
    return images;
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

async function build(
  target: Target,
  image: string,
  base: string,
  context: string,
  say: (line: string) => void,
): Promise<void> {
  const docker = toolPath('docker');
  const shell = new Shell();
  if (await shell.succeeds([docker, 'image', 'inspect', image])) return;
  say(`building ${image} on ${base}`);
  await shell.run([docker, 'build', '--target', target, '--build-arg', `BASE_IMAGE=${base}`, '--tag', image, context], {
    timeoutMs: BUILD_LIMIT_MS,
  });
}

function fillContext(context: string): void {
  for (const path of SOURCES) {
    mkdirSync(dirname(join(context, path)), { recursive: true });
    cpSync(join(root, path), join(context, path), {
      recursive: true,
      filter: (source) => !source.endsWith('.test.ts'),
    });
  }
  for (const [folder, names] of [
    ['production', PRODUCTION_MODULES],
    ['workload', WORKLOAD_MODULES],
  ] as const) {
    for (const path of moduleClosure(names)) {
      const inside = join(context, 'given', folder, path.replace(/^node_modules\//, ''));
      cpSync(join(root, path), inside, {
        recursive: true,
        filter: (source) => source === join(root, path) || !source.startsWith(join(root, path, 'node_modules')),
      });
    }
  }
}

interface LockEntry {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Paths under node_modules of packages and of all that they depend on, by package-lock.json. */
function moduleClosure(names: readonly string[]): readonly string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockEntry>;
  };
  const found = new Set<string>();
  const visit = (name: string, from: string): void => {
    const path = resolve(packages, name, from);
    if (found.has(path)) return;
    if (!existsSync(join(root, path))) throw new Error(`${path} is missing: run npm ci`);
    found.add(path);
    for (const dependency of Object.keys(packages[path]?.dependencies ?? {})) visit(dependency, path);
  };
  for (const name of names) visit(name, '');
  return [...found].sort();
}

/** Node's own rule: the nearest node_modules, from the package outwards. */
function resolve(packages: Readonly<Record<string, LockEntry>>, name: string, from: string): string {
  for (
    let folder = from;
    ;
    folder = folder.includes('/node_modules/') ? folder.slice(0, folder.lastIndexOf('/node_modules/')) : ''
  ) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (folder === '') throw new Error(`package-lock.json knows no ${name} for ${from === '' ? 'the images' : from}`);
  }
}

function hashOf(context: string, base: string): string {
  const hash = createHash('sha256').update(base);
  for (const path of globSync('**', { cwd: context, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()) {
    hash.update(path.slice(context.length)).update('\0').update(readFileSync(path)).update('\0');
  }
  return hash.digest('hex').slice(0, 12);
}
