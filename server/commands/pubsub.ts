/** Publish/subscribe commands. Source: Valkey 9.1 pubsub.c. */
import { globMatch } from '../config/glob.ts';
import { slotOf } from '../keyspace/slot.ts';
import { latin1 } from '../protocol/numbers.ts';
import type { ReplyWriter } from '../protocol/reply.ts';
import type { SubscriptionKind } from '../pubsub/pubsub.ts';
import type { Call } from './call.ts';
import { type Client, REPLY_ON } from './client.ts';
import {
  ALL_KEYS,
  type Command,
  FAST,
  IN_SUBSCRIBER_MODE,
  LOADING,
  MAY_REPLICATE,
  NO_KEYS,
  NOSCRIPT,
  ONE_KEY,
  PUBSUB,
  STALE,
} from './command.ts';

function nameOf(call: Call, index: number): string {
  return latin1(call.bytes, call.starts[index]!, call.ends[index]!);
}

function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(name, (character) => character.charCodeAt(0));
}

/** What a subscription's confirmation counts: channels and patterns together, shard channels by themselves. */
function countOf(client: Client, kind: SubscriptionKind): number {
  return kind === 'shard'
    ? (client.shardChannels?.size ?? 0)
    : (client.channels?.size ?? 0) + (client.patterns?.size ?? 0);
}

function confirm(call: Call, word: string, name: string | null, kind: SubscriptionKind): void {
  const write = (reply: ReplyWriter): void => {
    reply.push(3);
    reply.bulkText(word);
    if (name === null) reply.nil();
    else reply.bulkLatin1(name);
    reply.integer(countOf(call.client, kind));
  };
  // It is the reply, and yet CLIENT REPLY OFF does not drop it.
  if (call.client.replyMode === REPLY_ON) write(call.reply);
  else call.rooms.clients.writeTo(call.client, write);
}

function subscribe(call: Call, kind: SubscriptionKind, word: string): void {
  for (let i = 1; i < call.count; i++) {
    const name = nameOf(call, i);
    call.rooms.pubsub.subscribe(call.client, kind, name);
    confirm(call, word, name, kind);
  }
}

function unsubscribe(call: Call, kind: SubscriptionKind, word: string): void {
  const { pubsub } = call.rooms;
  const names: string[] = [];
  for (let i = 1; i < call.count; i++) names.push(nameOf(call, i));
  if (call.count === 1) names.push(...pubsub.namesOf(call.client, kind));
  for (const name of names) {
    pubsub.unsubscribe(call.client, kind, name);
    confirm(call, word, name, kind);
  }
  if (names.length === 0) confirm(call, word, null, kind);
}

function publish(call: Call): void {
  const channel = call.copy(1);
  const message = call.copy(2);
  call.reply.integer(call.rooms.pubsub.publish(channel, message));
  call.rooms.published(channel, message, false);
  tellReplicas(call);
}

function spublish(call: Call): void {
  const channel = call.copy(1);
  const message = call.copy(2);
  call.reply.integer(call.rooms.pubsub.publishSharded(channel, message));
  call.rooms.published(channel, message, true);
  tellReplicas(call);
}

/** Subscribers of a replica hear it too: in a cluster from the bus, else from the stream. */
function tellReplicas(call: Call): void {
  if (call.keyspace.slots === 1 && call.rooms.role() === 'primary') call.propagatedAsIs();
}

function channelNames(call: Call, names: Iterable<string>): void {
  const pattern = call.count > 2 ? call.copy(2) : null;
  const found = [...names]
    .map(bytesOf)
    .filter((name) => pattern === null || globMatch(pattern, 0, pattern.length, name, 0, name.length));
  call.reply.array(found.length);
  for (const name of found) call.reply.bulk(name, 0, name.length);
}

function subscriberCounts(call: Call, map: ReadonlyMap<string, ReadonlySet<Client>>): void {
  call.reply.map(call.count - 2);
  for (let i = 2; i < call.count; i++) {
    call.replyArgument(i);
    call.reply.integer(map.get(nameOf(call, i))?.size ?? 0);
  }
}

const HELP = [
  'CHANNELS [<pattern>]',
  "    Return the currently active channels matching a <pattern> (default: '*').",
  'NUMPAT',
  '    Return number of subscriptions to patterns.',
  'NUMSUB [<channel> ...]',
  '    Return the number of subscribers for the specified channels, excluding',
  '    pattern subscriptions(default: no channels).',
  'SHARDCHANNELS [<pattern>]',
  "    Return the currently active shard level channels matching a <pattern> (default: '*').",
  'SHARDNUMSUB [<shardchannel> ...]',
  '    Return the number of subscribers for the specified shard level channel(s)',
];

const GROUP = { group: 'pubsub', keys: NO_KEYS } as const;
const SUBSCRIBE_FLAGS = PUBSUB | NOSCRIPT | LOADING | STALE | IN_SUBSCRIBER_MODE;
const SHARD_KEYS = { keys: ALL_KEYS } as const;

export const pubsubCommands: readonly Command[] = [
  {
    ...GROUP,
    name: 'subscribe',
    arity: -2,
    since: '2.0.0',
    flags: SUBSCRIBE_FLAGS,
    summary: 'Listens for messages published to channels.',
    run: (call) => subscribe(call, 'channel', 'subscribe'),
  },
  {
    ...GROUP,
    name: 'unsubscribe',
    arity: -1,
    since: '2.0.0',
    flags: SUBSCRIBE_FLAGS,
    summary: 'Stops listening to messages posted to channels.',
    run: (call) => unsubscribe(call, 'channel', 'unsubscribe'),
  },
  {
    ...GROUP,
    name: 'psubscribe',
    arity: -2,
    since: '2.0.0',
    flags: SUBSCRIBE_FLAGS,
    summary: 'Listens for messages published to channels that match one or more patterns.',
    run: (call) => subscribe(call, 'pattern', 'psubscribe'),
  },
  {
    ...GROUP,
    name: 'punsubscribe',
    arity: -1,
    since: '2.0.0',
    flags: SUBSCRIBE_FLAGS,
    summary: 'Stops listening to messages published to channels that match one or more patterns.',
    run: (call) => unsubscribe(call, 'pattern', 'punsubscribe'),
  },
  {
    ...GROUP,
    ...SHARD_KEYS,
    name: 'ssubscribe',
    arity: -2,
    since: '7.0.0',
    flags: SUBSCRIBE_FLAGS,
    summary: 'Listens for messages published to shard channels.',
    run: (call) => subscribe(call, 'shard', 'ssubscribe'),
  },
  {
    ...GROUP,
    ...SHARD_KEYS,
    name: 'sunsubscribe',
    arity: -1,
    since: '7.0.0',
    flags: SUBSCRIBE_FLAGS,
    summary: 'Stops listening to messages posted to shard channels.',
    run: (call) => unsubscribe(call, 'shard', 'sunsubscribe'),
  },
  {
    ...GROUP,
    name: 'publish',
    arity: 3,
    since: '2.0.0',
    flags: PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
    summary: 'Posts a message to a channel.',
    run: publish,
  },
  {
    ...GROUP,
    keys: ONE_KEY,
    name: 'spublish',
    arity: 3,
    since: '7.0.0',
    flags: PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
    summary: 'Posts a message to a shard channel.',
    run: spublish,
  },
  {
    ...GROUP,
    name: 'pubsub',
    arity: -2,
    since: '2.8.0',
    flags: 0,
    summary: 'A container for Pub/Sub commands.',
    run: (call) => call.fail("ERR wrong number of arguments for 'pubsub' command"),
    subcommands: [
      {
        ...GROUP,
        name: 'channels',
        arity: -2,
        since: '2.8.0',
        flags: PUBSUB | LOADING | STALE,
        summary: 'Returns the active channels.',
        run: (call) => channelNames(call, call.rooms.pubsub.channels.keys()),
      },
      {
        ...GROUP,
        name: 'shardchannels',
        arity: -2,
        since: '7.0.0',
        flags: PUBSUB | LOADING | STALE,
        summary: 'Returns the active shard channels.',
        run: (call) => channelNames(call, call.rooms.pubsub.shardChannels.keys()),
      },
      {
        ...GROUP,
        name: 'numsub',
        arity: -2,
        since: '2.8.0',
        flags: PUBSUB | LOADING | STALE,
        summary: 'Returns a count of subscribers to channels.',
        run: (call) => subscriberCounts(call, call.rooms.pubsub.channels),
      },
      {
        ...GROUP,
        name: 'shardnumsub',
        arity: -2,
        since: '7.0.0',
        flags: PUBSUB | LOADING | STALE,
        summary: 'Returns the count of subscribers of shard channels.',
        run: (call) => subscriberCounts(call, call.rooms.pubsub.shardChannels),
      },
      {
        ...GROUP,
        name: 'numpat',
        arity: 2,
        since: '2.8.0',
        flags: PUBSUB | LOADING | STALE,
        summary: 'Returns a count of unique pattern subscriptions.',
        run: (call) => call.reply.integer(call.rooms.pubsub.patterns.size),
      },
      {
        ...GROUP,
        name: 'help',
        arity: 2,
        since: '6.2.0',
        flags: LOADING | STALE,
        summary: 'Returns helpful text about the different subcommands.',
        run: (call) => call.help(HELP),
      },
    ],
  },
];

/** The slot of a shard channel, for the end of subscriptions when the slot leaves this shard. */
export function shardChannelSlot(name: string): number {
  const bytes = bytesOf(name);
  return slotOf(bytes, 0, bytes.length);
}
