#!/usr/bin/env node
/** keyherd local [MANIFEST] [--port N]: a cluster on this machine, on Node 26. */
import { fail, launch } from './launch.mjs';

const entries = { local: 'operator/local/main' };

const command = process.argv[2];
if (command === undefined || !Object.hasOwn(entries, command)) {
  fail(
    `${command === undefined ? '' : `${command}: unknown command: `}usage: keyherd ${Object.keys(entries).join('|')} [argument ...]`,
  );
}
process.argv.splice(2, 1);
launch(entries[command]);
