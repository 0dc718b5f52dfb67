/**
 * npm run build: strips the types from what is shipped, into dist/.
 *
 * Node runs the TypeScript of a checkout directly, but refuses to under node_modules, so a package and an image carry
 * JavaScript. Stripping replaces types by blanks: lines and columns stay what they are in the sources, which is why
 * there are no source maps.
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';

const SHIPPED = ['server', 'operator', 'e2e/workload'] as const;

const root = join(import.meta.dirname, '..');
const target = join(root, 'dist');

// stripTypeScriptTypes is marked experimental; the version of Node that this runs on is pinned.
process.removeAllListeners('warning');

rmSync(target, { recursive: true, force: true });
const sources = globSync(`{${SHIPPED.join(',')}}/**/*.ts`, { cwd: root }).filter(
  (path) => !path.endsWith('.test.ts') && !path.endsWith('.d.ts'),
);
for (const path of sources) {
  const script = stripTypeScriptTypes(readFileSync(join(root, path), 'utf8'), { mode: 'strip' });
  const output = join(target, path.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, renameImports(script));
}
process.stdout.write(`built ${sources.length} files into dist\n`);

/** `./x.ts` becomes `./x.js` in import, export and import() and in URLs of workers; the length stays the same. */
function renameImports(script: string): string {
  return script.replace(/(\bfrom\s+|\bimport\s+|\bimport\(\s*|\bnew URL\(\s*)'(\.{1,2}\/[^']+)\.ts'/g, "$1'$2.js'");
}
