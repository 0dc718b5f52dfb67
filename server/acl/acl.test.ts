import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arguments } from '../protocol/arguments.ts';
import { TestNode } from '../testing/test-node.ts';
import { PERMITTED } from './check.ts';
import { describeUser } from './rules.ts';
import { SUPERUSER, User } from './user.ts';

const OK = '+OK\r\n';

function aclOf(directives: Readonly<Record<string, string>> = {}) {
  return new TestNode(directives).node.acl;
}

function nobody() {
  return new TestNode().client().client;
}

const rule = fc.oneof(
  fc.constantFrom('on', 'off', 'nopass', 'resetpass', 'allkeys', 'resetkeys', 'allchannels', 'resetchannels', 'alldbs'),
  fc.constantFrom(
    'resetdbs',
    'allcommands',
    'nocommands',
    'clearselectors',
    'reset',
    '>secret',
    '<secret',
    'db=1,0',
    'db=7',
  ),
  fc.constantFrom('~a*', '%R~b', '%W~b', '%RW~c', '&chan', '&x*', '(~k +get)', '(db=2 allchannels -@all +@read)'),
  fc.constantFrom('+@read', '-@read', '+@all', '-@all', '+@hash', '-@dangerous', '+get', '-get', '+config', '-config'),
  fc.constantFrom('+config|get', '-config|get', '+select|0', '+select|1', '-select', '+@connection', '-client|id'),
);

test("a user's description makes the same user again", () => {
  const acl = aclOf();
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 25 }), (rules) => {
      const first = new User('first', acl.rules.newSelector());
      for (const one of rules) acl.rules.apply(first, one);
      const again = new User('first', acl.rules.newSelector());
      for (const word of describeUser(first).match(/\([^)]*\)|\S+/g) ?? [])
        expect(acl.rules.apply(again, word)).toBeNull();
      expect(describeUser(again)).toBe(describeUser(first));
      // Whether a command was ever taken away is no part of what a selector permits.
      const permissions = ({ selectors }: User) =>
        selectors.map((selector) => ({
          ...selector,
          allCommands: null,
          firstArguments: [...(selector.firstArguments ?? [])],
        }));
      expect(permissions(again)).toEqual(permissions(first));
    }),
  );
});

test('nothing is checked for the default user and for what the node does itself', () => {
  const acl = aclOf();
  expect(acl.defaultUser.unrestricted).toBe(true);
  expect(SUPERUSER.unrestricted).toBe(true);
  acl.set('default', ['-flushall'], nobody());
  expect(acl.defaultUser.unrestricted).toBe(false);
  acl.set('default', ['allcommands'], nobody());
  expect(acl.defaultUser.unrestricted).toBe(true);
});

test('a wrong rule changes nothing', () => {
  const acl = aclOf();
  acl.set('ann', ['on', '+get'], nobody());
  expect(acl.set('ann', ['off', '+nothing'], nobody())).toBe(
    "Error in ACL SETUSER modifier '+nothing': Unknown command or category name in ACL",
  );
  expect(acl.set('new', ['nonsense'], nobody())).toContain('Syntax error');
  expect(acl.find('ann')!.enabled).toBe(true);
  expect(acl.find('new')).toBeNull();
});

test('a password is asked for as soon as the default user has one', () => {
  const node = new TestNode({ requirepass: 'secret' });
  const client = node.client();
  expect(client.send('get', 'k')).toBe('-NOAUTH Authentication required.\r\n');
  expect(client.send('nothing')).toBe('-NOAUTH Authentication required.\r\n');
  expect(client.send('auth', 'wrong')).toContain('WRONGPASS');
  expect(client.send('auth', 'secret')).toBe(OK);
  expect(client.send('get', 'k')).toBe('$-1\r\n');
});

test('a change of rules counts for connections that are there', () => {
  const node = new TestNode();
  const [admin, user] = [node.client(), node.client()];
  admin.send('acl', 'setuser', 'ann', 'on', 'nopass', '+@all', '~*', '&*');
  expect(user.send('auth', 'ann', 'x')).toBe(OK);
  expect(user.send('get', 'k')).toBe('$-1\r\n');
  admin.send('acl', 'setuser', 'ann', '-get');
  expect(user.send('get', 'k')).toBe("-NOPERM User ann has no permissions to run the 'get' command\r\n");
});

test("a deleted user's connections are closed", () => {
  const node = new TestNode();
  const [admin, user, other] = [node.client(), node.client(), node.client()];
  admin.send('acl', 'setuser', 'ann', 'on', 'nopass', '+@all');
  user.send('auth', 'ann', 'x');
  expect(admin.send('acl', 'deluser', 'ann')).toBe(':1\r\n');
  expect(user.destroyed).toBe(true);
  expect(other.destroyed).toBe(false);
});

test('a subscriber is closed when it may no longer listen, and kept while it may', () => {
  const node = new TestNode();
  const [admin, stays, goes] = [node.client(), node.client(), node.client()];
  admin.send('acl', 'setuser', 'ann', 'on', 'nopass', '+@all', '&a*', '&b*');
  for (const [client, channel] of [
    [stays, 'a1'],
    [goes, 'b1'],
  ] as const) {
    client.send('auth', 'ann', 'x');
    client.send('subscribe', channel);
  }
  admin.send('acl', 'setuser', 'ann', 'resetchannels', '&a*');
  expect(stays.destroyed).toBe(false);
  expect(goes.destroyed).toBe(true);
});

test('a file takes the place of all users, or of none', () => {
  const node = new TestNode();
  const { acl } = node.node;
  const client = node.client();
  acl.set('ann', ['on', 'nopass', '+@all'], client.client);
  client.send('auth', 'ann', 'x');
  expect(acl.loadFile('f', 'user bob on +@all\nuser bob off\nnonsense\n', null)).toBe(
    "WARNING: Duplicate user 'bob' found on line 2. f:3 should start with user keyword followed by the username. WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
  );
  expect(acl.all().map((user) => user.name)).toEqual(['ann', 'default']);
  expect(acl.loadFile('f', 'user ann on nopass +get ~*\n\nuser bob off\n', null)).toBeNull();
  expect(acl.all().map((user) => user.name)).toEqual(['ann', 'bob', 'default']);
  expect(client.send('get', 'k')).toBe('$-1\r\n');
  expect(client.send('set', 'k', 'v')).toContain('NOPERM');
  expect(acl.loadFile('f', acl.fileText(), null)).toBeNull();
  expect(acl.loadFile('f', 'user bob off\n', null)).toBeNull();
  expect(client.destroyed).toBe(true);
});

test('users of the configuration file may each stand there once', () => {
  const acl = aclOf();
  expect(
    acl.loadConfigured([
      ['ann', 'on', '(~a', '+get)'],
      ['default', 'off'],
    ]),
  ).toBeNull();
  expect(describeUser(acl.find('ann')!)).toBe('on resetchannels -@all (~a resetchannels -@all +get)');
  expect(acl.defaultUser.enabled).toBe(false);
  expect(aclOf().loadConfigured([['ann'], ['ann']])).toContain('Duplicate user');
  expect(aclOf().loadConfigured([['default'], ['default']])).toContain('Duplicate user');
});

test('a command is permitted when one selector permits all of it', () => {
  const node = new TestNode();
  const { acl, registry } = node.node;
  acl.set('ann', ['on', '+@all', '-set', '%R~r', '(~w +set)'], nobody());
  const check = (...words: string[]): number => {
    return acl.permissions.check(acl.find('ann')!, registry.named(words[0]!)!, Arguments.of(...words), 0);
  };
  expect(check('get', 'r')).toBe(PERMITTED);
  expect(check('set', 'w', '1')).toBe(PERMITTED);
  expect(check('set', 'r', '1')).not.toBe(PERMITTED);
  expect(check('get', 'w')).not.toBe(PERMITTED);
  expect(check('copy', 'r', 'w')).not.toBe(PERMITTED);
});

test('the log counts equal refusals of a minute together, and keeps no more than it may', () => {
  const node = new TestNode({ 'acllog-max-len': '2' }).at(1_000_000);
  const { log } = node.node.acl;
  const [admin, user] = [node.client(), node.client()];
  admin.send('acl', 'setuser', 'ann', 'on', 'nopass', '+@all', '-get', '-set', '-del');
  user.send('auth', 'ann', 'x');
  user.send('get', 'k');
  user.send('get', 'other');
  expect(log.entries.map(({ count, object }) => ({ count, object }))).toEqual([{ count: 2, object: 'get' }]);
  node.at(1_100_000);
  user.send('get', 'k');
  user.send('set', 'k', 'v');
  user.send('del', 'k');
  expect(log.entries.map(({ count, object }) => ({ count, object }))).toEqual([
    { count: 1, object: 'del' },
    { count: 1, object: 'set' },
  ]);
});
