// debian.ts: root file systems of Debian, unpacked by debootstrap, and the packages of the machine itself.
//
// Nothing here follows a symbolic link inside a root file system: a masked systemd unit is a link to /dev/null, the host's.

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from './limits.ts';
import { findOnPath, type Shell } from './shell.ts';
import type { Step } from './steps.ts';
import { versions } from './versions.ts';

/** A step that installs packages of the host; done when the programs that are wanted of them are on PATH. */
export function packagesStep(name: string, packages: readonly string[], wanted: readonly string[]): Step {
  return {
    name,
    makes: `the Debian packages ${packages.join(', ')}`,
    needs: [],
    isDone: () => wanted.every((program) => findOnPath(program) !== undefined),
    run: async (shell) => {
      // RUNLEVEL keeps a package from starting its daemon where no systemd runs: the daemon is started with our settings.
      const environment = {
        DEBIAN_FRONTEND: 'noninteractive',
        ...(existsSync('/run/systemd/system') ? {} : { RUNLEVEL: '1' }),
      };
      const options = { environment, timeoutMs: limits.packagesMs };
      await shell.run(['apt-get', 'update', '-qq'], options);
      await shell.run(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages], options);
    },
  };
}

const uselessInContainers = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/lintian',
  'var/lib/apt/lists',
  'var/cache/apt',
  'var/cache/debconf',
];

/** A minimal Debian with some packages more, without documentation, translations and package lists. */
export async function debootstrap(root: string, packages: readonly string[], shell: Shell): Promise<void> {
  const argv = ['debootstrap', '--variant=minbase', `--include=${packages.join(',')}`, versions.debian, root];
  await shell.run(argv, { timeoutMs: limits.rootFileSystemMs });
  for (const folder of uselessInContainers) {
    rmSync(join(root, folder), { recursive: true, force: true });
    mkdirSync(join(root, folder), { recursive: true });
  }
}

export function inRoot(root: string, script: string): readonly string[] {
  return ['chroot', root, '/bin/bash', '-euo', 'pipefail', '-c', script];
}
