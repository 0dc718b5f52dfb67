import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const launcher = join(root, 'bin', 'launch.mjs');

/** A launcher that hands over to a child which runs `code`. */
function handingOver(code: string): string[] {
  const script = `import(${JSON.stringify(launcher)}).then(({ handOver }) => handOver(process.execPath, ['-e', ${JSON.stringify(code)}]))`;
  return ['-e', script];
}

test('a launcher ends with the exit code of what it launched', () => {
  expect(spawnSync(process.execPath, handingOver('process.exit(7)')).status).toBe(7);
});

test('a launcher passes SIGTERM on and lets the child end in its own way', async () => {
  const code =
    "process.on('SIGTERM', () => { console.log('handed over'); process.exit(3); }); setInterval(() => {}, 1000); console.log('ready');";
  const launched = spawn(process.execPath, handingOver(code), { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  launched.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (said === 'ready\n') launched.kill('SIGTERM');
  });
  const status = await new Promise((resolve) => launched.once('close', resolve));
  expect(said).toBe('ready\nhanded over\n');
  expect(status).toBe(3);
});

test('a launcher whose child was killed dies of the same signal', () => {
  const { status, signal } = spawnSync(process.execPath, handingOver("process.kill(process.pid, 'SIGKILL')"));
  expect({ status, signal }).toEqual({ status: null, signal: 'SIGKILL' });
});

test('run.mjs says how it is used when it is told nothing', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'tools', 'run.mjs')], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toBe('keyherd: usage: node tools/run.mjs SCRIPT [ARGUMENT ...]\n');
});
