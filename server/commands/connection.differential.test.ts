/**
 * Users, permissions, client-side caching, CLIENT and MONITOR beside a real valkey-server: scenes with several clients, the same replies and
 * messages from both. Skipped with a line when there is no valkey-server 9.1.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import type { Reply } from '../testing/replies.ts';
import { Line, Side } from '../testing/side-by-side.ts';
import { CATEGORIES } from './categories.ts';

const PORT = 26400;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare connections with\n');

/**
 * `name: words` asks as that client and notes the reply; `name~ words` asks and notes nothing; `name?` notes what comes next.
 * `$name` stands for a client's id.
 */
const scenes: Readonly<Record<string, readonly string[]>> = {
  'users are made, told and deleted': [
    'a: acl setuser bob',
    'a: acl list',
    'a: acl setuser bob on >secret ~key:* %R~read:* %W~write:* %RW~both &chan* +get +@write -@dangerous +config|get',
    'a: acl getuser bob',
    'a: acl list',
    'a: acl setuser bob -config +config|set -config|set +select|0 db=3,1,1 nopass',
    'a: acl getuser bob',
    'a: acl setuser bob (~other* +set db=1) (%R~x allchannels)',
    'a: acl getuser bob',
    'a: acl list',
    'a: acl setuser bob clearselectors resetkeys resetchannels resetdbs resetpass -@all sanitize-payload skip-sanitize-payload',
    'a: acl list',
    'a: acl setuser bob alldbs allkeys allchannels allcommands on',
    'a: acl list',
    'a: acl setuser bob -get -@read +mget',
    'a: acl list',
    'a: acl setuser bob reset',
    'a: acl list',
    'a: acl users',
    'a: acl deluser bob nobody',
    'a: acl deluser default',
    'a: acl users',
    'a: acl getuser bob',
    'a: hello 3',
    'a: acl setuser bob (+get)',
    'a: acl getuser bob',
    'a: acl getuser default',
    'a~ acl deluser bob',
    'a~ hello 2',
  ],
  'wrong rules are refused in the same words': [
    'a: acl setuser u +nothing',
    'a: acl setuser u -@nothing',
    'a: acl setuser u +@nothing',
    'a: acl setuser u nonsense',
    'a: acl setuser u ~a ~* ~b',
    'a: acl setuser u &a &* &b',
    'a: acl setuser u %~x',
    'a: acl setuser u %RR~x',
    'a: acl setuser u %X~x',
    'a: acl setuser u #abc',
    'a: acl setuser u !abc',
    'a: acl setuser u <nothing',
    'a: acl setuser u +config|get|x',
    'a: acl setuser u +config|',
    'a: acl setuser u +config|nothing',
    'a: acl setuser u -select|0',
    'a: acl setuser u +select|',
    'a: acl setuser u db=',
    'a: acl setuser u db=1,',
    'a: acl setuser u db=x',
    'a: acl setuser u db=-1',
    'a: acl setuser u db=99999999999',
    'a: acl setuser u (+get',
    'a: acl setuser u (+nothing)',
    'a: acl setuser u (on)',
    'a: acl genpass 0',
    'a: acl genpass 5000',
    'a: acl genpass x',
    'a: acl cat nothing',
    'a: acl log x',
    'a: acl load',
    'a: acl save',
    'a: acl nothing',
    'a: acl whoami x',
    'a: acl cat a b',
    'a: acl log a b',
    'a: acl help',
    'a: acl cat',
    'a: acl users',
  ],
  'permissions are checked': [
    'a~ acl setuser u on nopass +@all -config +config|get -@dangerous +info ~k:* %R~r:* %W~w:* &c:* db=0,1',
    'a~ acl log reset',
    'u: auth u anything',
    'u: acl whoami',
    'u: get k:1',
    'u: get other',
    'u: get w:1',
    'u: set w:1 x',
    'u: set w:1 y get',
    'u: set r:1 y',
    'u: mget k:1 r:1 other',
    'u: mset k:1 1 r:1 2',
    'u: keys *',
    'u: config get port',
    'u: config set port 1',
    'u: publish c:1 m',
    'u: publish d:1 m',
    'u: subscribe c:1 d:1',
    'u: psubscribe c:*',
    'u: psubscribe *',
    'u: unsubscribe d:1',
    'u: punsubscribe',
    'u: unsubscribe',
    'u: spublish d m',
    'u: select 2',
    'u: select 1',
    'u: select x',
    'u: ping',
    'u: flushall',
    'u: client list',
    'u: client id x y',
    'u: strlen w:1',
    'u: exists k:1 w:1',
    'u: exists other',
    'u: del r:1',
    'u: rename k:1 r:1',
    'u: lmove k:1 r:2 left left',
    'u: expire w:1 10',
    'u: ttl w:1',
    'u: multi',
    'u: set k:1 v',
    'u: set r:1 v',
    'u: get k:1',
    'u: exec',
    'u: nothing',
    'u: reset',
    'u: acl whoami',
    'a~ acl deluser u',
  ],
  'permissions are checked again by EXEC': [
    'a~ acl setuser u on nopass +@all ~* &* ',
    'u~ auth u x',
    'u: multi',
    'u: set a 1',
    'u: get a',
    'u: publish c m',
    'a: acl setuser u resetkeys -get resetchannels',
    'u: exec',
    'u: multi',
    'u: set a 1',
    'u: exec',
    'a~ acl deluser u',
  ],
  'a user is authenticated by password, hash or nothing': [
    'a~ acl setuser u on >one >two +@all',
    'u: auth u three',
    'u: auth u two',
    'u: acl whoami',
    'u: auth nobody x',
    'u: auth x',
    'u: auth a b c',
    'u: auth default x',
    'u: hello 3 auth u wrong',
    'u: hello 2 auth u one setname me',
    'u: client getname',
    'u: hello 4',
    'u: hello x',
    'u: hello 2 nonsense',
    'u: hello 2 auth u',
    'a~ acl setuser u off',
    'u: ping',
    'u: auth u one',
    'a~ config set requirepass pass',
    'b: ping',
    'b: nothing',
    'b: hello 2',
    'b: auth wrong',
    'b: auth pass',
    'b: ping',
    'b: acl getuser default',
    'a~ config set requirepass ',
    'b: auth pass',
    'c: ping',
    'a~ acl deluser u',
  ],
  'a dry run tells what would happen': [
    'a~ acl setuser u on nopass +@all -flushall ~k:* %R~r:* &c:* db=0,2',
    'a: acl dryrun u get k:1',
    'a: acl dryrun u get x',
    'a: acl dryrun u set r:1 x',
    'a: acl dryrun u flushall',
    'a: acl dryrun u publish d m',
    'a: acl dryrun u select 1',
    'a: acl dryrun u select 2',
    'a: acl dryrun u config|get x',
    'a: acl dryrun u config get x',
    'a: acl dryrun u config nothing',
    'a: acl dryrun nobody get x',
    'a: acl dryrun u nothing',
    'a: acl dryrun u get',
    'a: acl dryrun u zunionstore k:1 2 r:1 x',
    'a: acl dryrun u zunionstore k:1 2 r:1 r:2',
    'a: acl dryrun u eval x 1 r:1',
    'a: acl dryrun u eval_ro x 1 r:1',
    'a: acl dryrun u bitfield r:1 get u8 0',
    'a: acl dryrun u bitfield r:1 set u8 0 1',
    'a: acl dryrun u sort k:1 store r:1',
    'a: acl dryrun u xread streams r:1 x:1 0 0',
    'a: acl dryrun u migrate h 1 r:1 0 1',
    'a: acl dryrun u getex r:1',
    'a~ acl deluser u',
  ],
  'a client that caches is told of changes': [
    'a: hello 3',
    'a: client tracking on',
    'a: client trackinginfo',
    'a: client getredir',
    'b: set k 0',
    'a: get k',
    'a: mget k l',
    'b: set k 1',
    'a?',
    'b: set k 2',
    'b: set l 2',
    'a?',
    'a: get k',
    'a: set k 5',
    'a?',
    'a: get k',
    'a: multi',
    'a: set k 6',
    'a: get k',
    'a: exec',
    'a?',
    'b: flushall',
    'a?',
    'a: client tracking off',
    'a: client trackinginfo',
    'a~ reset',
  ],
  'caching by opting in and out': [
    'a: hello 3',
    'a: client caching yes',
    'a: client tracking on optin',
    'a: client caching no',
    'a: client caching maybe',
    'a: get k',
    'a: client caching yes',
    'a: client trackinginfo',
    'a: client caching yes',
    'a: get l',
    'b: mset k 1 l 1',
    'a?',
    'a: client tracking on optout',
    'a: client tracking off',
    'a: client tracking on optout noloop',
    'a: client caching yes',
    'a: client caching no',
    'a: get k',
    'a: get l',
    'a: set l 3',
    'b: mset l 2 k 2',
    'a: get l',
    'b: set l 4',
    'a?',
    'a: client trackinginfo',
    'a~ reset',
  ],
  'caching by prefixes': [
    'a: hello 3',
    'a: client tracking on prefix x',
    'a: client tracking on bcast prefix x prefix xy',
    'a: client tracking on bcast prefix user: prefix key:',
    'a: client tracking on bcast prefix us',
    'a: client tracking on',
    'a: client tracking on bcast optin',
    'a: client tracking on optin optout',
    'a: client tracking on bcast prefix more: noloop',
    'a: client trackinginfo',
    'b: mset user:2 x user:1 y other z key:1 1',
    'a?',
    'a?',
    'b: del other user:1',
    'a?',
    'a: set user:1 mine',
    'b: set user:3 x',
    'a?',
    'a: client tracking maybe',
    'a: client tracking on redirect x',
    'a: client tracking on redirect 9999999',
    'a~ reset',
  ],
  'caching through another connection': [
    'r: subscribe __redis__:invalidate',
    'a: client tracking on redirect $r',
    'a: get k',
    'b: set k 1',
    'r?',
    'b: flushdb',
    'r?',
    'a: client tracking on bcast redirect $r',
    'a: client tracking off',
    'a: client tracking on bcast redirect $r prefix k',
    'b: set k 2',
    'r?',
    'a: client tracking off',
    'a: client getredir',
  ],
  'CLIENT refuses what is wrong': [
    'a: client',
    'a: client nothing',
    'a: client help',
    'a: client list x',
    'a: client list id',
    'a: client list id x y',
    'a: client list id 0 1',
    'a: client list type nothing',
    'a: client list not-type nothing',
    'a: client list user nobody',
    'a: client list skipme maybe',
    'a: client list maxage 0',
    'a: client list maxage x',
    'a: client list not-maxage 1',
    'a: client list idle 0',
    'a: client list idle x',
    'a: client list flags Q',
    'a: client list not-flags Q',
    'a: client list capa x',
    'a: client list not-capa x',
    'a: client list db x',
    'a: client list db 99',
    'a: client list not-db x',
    'a: client list not-db 99',
    'a: client list name',
    'a: client list not-skipme yes',
    'a: client kill x',
    'a: client kill id',
    'a: client kill id 1 2 3 type',
    'a: client kill nothing x',
    'a: client kill 1.2.3.4:5',
    'a: client setname a\tb',
    'a: client setinfo lib-name a\tb',
    'a: client setinfo lib-x y',
    'a: client setinfo LIB-NAME lib',
    'a: client getname',
    'a: client no-evict maybe',
    'a: client no-touch maybe',
    'a: client no-touch on',
    'a: client import-source on',
    'a: client import-source off',
    'a: client capa redirect unknown',
    'a: client reply maybe',
    'a: client pause x',
    'a: client pause -1',
    'a: client pause 10 maybe',
    'a: client pause 0',
    'a: client unpause',
    'a: client unblock x',
    'a: client unblock 9999999',
    'a: client unblock 1 maybe',
    'a: client caching yes',
    'a: client getredir',
    'a: pubsub help',
    'a: pubsub nothing',
    'a: pubsub numsub',
    'a: pubsub shardchannels',
    'a~ reset',
  ],
  'MONITOR shows requests, and no secrets': [
    'a: ping',
    'm: monitor',
    'a: ping hello',
    'm?',
    'a: set k a\r\n"\x00\x07\xff\\',
    'm?',
    'a: auth secret',
    'm?',
    'a: auth default secret',
    'm?',
    'a: hello 2 setname x auth default secret',
    'm?',
    'a: acl whoami',
    'm?',
    'a: config get maxclients',
    'a: select 3',
    'm?',
    'a: multi',
    'm?',
    'a: get k',
    'a: exec',
    'm?',
    'm?',
    'a: nothing',
    'a: get',
    'a: echo done',
    'm?',
    'a~ reset',
    'm?',
    'm: reset',
    'a~ set k v',
    'm: ping',
  ],
};

/** What differs between any two servers: addresses, times, ids. */
function plain(text: string): string {
  return text
    .replace(/^\+\d+\.\d+ \[(\d+) [^\]]*\]/, '+TIME [$1 ADDRESS]')
    .replace(/\b\d{13}\b/g, 'MILLISECONDS')
    .replace(/^\$id=.*/s, '$CLIENT');
}

function normal(reply: Reply): Reply {
  return typeof reply === 'string' ? plain(reply) : reply.map(normal);
}

async function play(port: number, scene: readonly string[]): Promise<readonly Reply[]> {
  const lines: Map<string, Line> = new Map();
  const ids: Map<string, string> = new Map();
  const notes: Reply[] = [];
  for (const step of scene) {
    const [, name, kind, text] = /^(\w+)([:~?]) ?(.*)$/s.exec(step)!;
    let line = lines.get(name!);
    if (line === undefined) {
      line = await Line.open(port);
      lines.set(name!, line);
      const id = String(await line.ask(['client', 'id'])).slice(1);
      ids.set(name!, id);
    }
    const words = text!.split(' ').map((word) => (word.startsWith('$') ? ids.get(word.slice(1))! : word));
    if (kind === '?') notes.push([step, normal(await line.next())]);
    else if (kind === '~') await line.ask(words);
    else notes.push([step, hidden(normal(await line.ask(words)), ids)]);
  }
  for (const line of lines.values()) line.close();
  return notes;
}

/** Ids of clients by their names in the scene. */
function hidden(reply: Reply, ids: ReadonlyMap<string, string>): Reply {
  if (typeof reply !== 'string') return reply.map((item) => hidden(item, ids));
  for (const [name, id] of ids) if (reply === `:${id}`) return `:ID of ${name}`;
  return reply;
}

describe.skipIf(valkey === null)('beside a real valkey-server', () => {
  let real: Side;
  let ours: Side;
  beforeAll(async () => {
    real = new Side([valkey!.path], PORT);
    ours = new Side([process.execPath, 'server/main.ts'], PORT + 1);
    await Promise.all([real.open(), ours.open()]);
  }, 30_000);
  afterAll(() => {
    real?.close();
    ours?.close();
  });

  for (const [name, scene] of Object.entries(scenes)) {
    test(name, { timeout: 20_000 }, async () => {
      for (const side of [real, ours]) await side.ask('flushall');
      const [theirs, mine] = await Promise.all([play(PORT, scene), play(PORT + 1, scene)]);
      expect(mine).toEqual(theirs);
    });
  }

  test('every category holds the same commands', async () => {
    const known = new Set(names(await ours.ask('command', 'list')));
    for (const category of CATEGORIES) {
      const theirs = names(await real.ask('acl', 'cat', category)).filter((name) => known.has(name));
      const mine = names(await ours.ask('acl', 'cat', category)).filter((name) => known.has(name));
      expect({ category, commands: mine.sort() }).toEqual({ category, commands: theirs.sort() });
    }
  });

  test('a client is told in the same fields', async () => {
    const fields = async (side: Side): Promise<string[]> =>
      String(await side.ask('client', 'info'))
        .trim()
        .slice(1)
        .split(' ')
        .map((field) => field.split('=')[0]!);
    expect(await fields(ours)).toEqual(await fields(real));
  });

  test('the log of refusals tells the same', async () => {
    const scene = [
      'a~ acl setuser u on >p +@all -flushall ~k &c db=0',
      'a: acl log reset',
      'u: auth u p',
      'u: flushall',
      'u: flushall',
      'u: get x',
      'u: publish d m',
      'u: select 1',
      'u: auth u wrong',
      'u: multi',
      'u: get y',
      'u: discard',
      'a: acl log 2',
    ];
    const [theirs, mine] = await Promise.all([play(PORT, scene), play(PORT + 1, scene)]);
    expect(mine.slice(0, -1)).toEqual(theirs.slice(0, -1));
    const entries = async (side: Side): Promise<unknown> => {
      const log = (await side.ask('acl', 'log')) as readonly Reply[];
      return log.slice(1).map((entry) => {
        const pairs = (entry as readonly string[]).slice(1);
        return pairs.filter(
          (_, index) => !/age-seconds|client-info|timestamp|entry-id/.test(pairs[index - (index % 2)]!),
        );
      });
    };
    expect(await entries(ours)).toEqual(await entries(real));
  });
});

function names(reply: Reply): string[] {
  return (reply as readonly string[]).slice(1).map((name) => name.slice(1));
}
