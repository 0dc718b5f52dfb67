/**
 * What the launchers share: find Node 26 and hand over to it.
 *
 * A launcher may itself be started by an older Node. In a checkout it runs the TypeScript sources; in an installed
 * package, where Node refuses to strip types, it runs dist/, which `npm run build` made from them.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR = 26;
const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGWINCH'];

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs an entry such as 'server/main' with this process's arguments on Node 26. */
export function launch(entry) {
  const source = join(root, `${entry}.ts`);
  const built = join(root, 'dist', `${entry}.js`);
  const installed = root.includes(`${sep}node_modules${sep}`);
  const script = !installed && existsSync(source) ? source : built;
  if (!existsSync(script)) fail(`${script} is missing: the package is damaged, install it again`);
  handOver(findNode(), [script, ...process.argv.slice(2)]);
}

/** Runs `node` with args in this process's place: same standard streams, signals passed on, same ending. */
export function handOver(node, args) {
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of FORWARDED_SIGNALS) {
    process.on(signal, () => {
      // A terminal sends its Ctrl-C to the child as well; passing it on would make it two.
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  child.on('error', (error) => fail(`${node} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

export function fail(message) {
  process.stderr.write(`keyherd: ${message}\n`);
  process.exit(1);
}

function findNode() {
  if (majorVersion() >= NODE_MAJOR) return process.execPath;
  for (let folder = root; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', 'node', 'bin', 'node');
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) break;
  }
  return fail(
    `this is Node ${process.versions.node}, and keyherd runs on Node ${NODE_MAJOR}: ` +
      `install Node ${NODE_MAJOR}, or put it beside keyherd with: npm install node@${NODE_MAJOR}`,
  );
}

function majorVersion() {
  return Number.parseInt(process.versions.node, 10);
}
