/** Documentation of ACL's subcommands. Source: Valkey 9.1 COMMAND DOCS. */
import { ALL_NODES_SUCCEED, OF_SUBCOMMAND } from './common.ts';
import type { CommandDocs } from './doc.ts';

const USERS_COMPLEXITY = 'O(N). Where N is the number of configured users.';

export const aclDocs: CommandDocs = {
  acl: { complexity: OF_SUBCOMMAND },
  'acl|cat': { complexity: 'O(1) since the categories and commands are a fixed set.', syntax: '[category]' },
  'acl|deluser': {
    complexity: 'O(1) amortized time considering the typical user.',
    syntax: 'username...',
    tips: ALL_NODES_SUCCEED,
  },
  'acl|dryrun': { complexity: 'O(1).', syntax: 'username command [arg]...' },
  'acl|genpass': { complexity: 'O(1)', syntax: '[bits:integer]' },
  'acl|getuser': {
    complexity: 'O(N). Where N is the number of password, command and pattern rules that the user has.',
    syntax: 'username',
    history: [
      ['6.2.0', 'Added Pub/Sub channel patterns.'],
      [
        '7.0.0',
        'Added selectors and changed the format of key and channel patterns from a list to their rule representation.',
      ],
      ['9.1.0', 'Added database permission rules.'],
    ],
  },
  'acl|help': { complexity: 'O(1)' },
  'acl|list': { complexity: USERS_COMPLEXITY },
  'acl|load': { complexity: USERS_COMPLEXITY },
  'acl|log': {
    complexity: 'O(N) with N being the number of entries shown.',
    syntax: '[operation<count:integer | RESET>]',
    history: [['7.2.0', 'Added entry ID, timestamp created, and timestamp last updated.']],
  },
  'acl|save': { complexity: USERS_COMPLEXITY, tips: ALL_NODES_SUCCEED },
  'acl|setuser': {
    complexity: 'O(N). Where N is the number of rules provided.',
    syntax: 'username [rule]...',
    history: [
      ['6.2.0', 'Added Pub/Sub channel patterns.'],
      ['7.0.0', 'Added selectors and key based permissions.'],
      ['9.1.0', 'Added database permission rules.'],
    ],
    tips: ALL_NODES_SUCCEED,
  },
  'acl|users': { complexity: USERS_COMPLEXITY },
  'acl|whoami': { complexity: 'O(1)' },
};
