/** Documentation of the commands around transactions. Source: Valkey 9.1 COMMAND DOCS. */
import type { CommandDocs } from './doc.ts';

export const transactionDocs: CommandDocs = {
  discard: { complexity: 'O(N), when N is the number of queued commands' },
  exec: { complexity: 'Depends on commands in the transaction' },
  multi: { complexity: 'O(1)' },
  unwatch: { complexity: 'O(1)' },
  watch: { complexity: 'O(1) for every key.', syntax: 'key...' },
};
