/** CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO. Source: Valkey 9.1 networking.c, tracking.c. */
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { TrackingOptions, TrackingState } from '../tracking/tracking.ts';
import type { Call } from './call.ts';

const SWITCH_MODE = 'before disabling tracking for this client, and then re-enabling it with a different mode.';

/** Reads the options from argument 3 on; answers the error and returns null when one is wrong. */
function optionsOf(call: Call): TrackingOptions | null {
  let redirect = 0;
  const flags = new Set<string>();
  const prefixes: string[] = [];
  for (let i = 3; i < call.count; i++) {
    const word = call.text(i).toUpperCase();
    const more = i + 1 < call.count;
    if (word === 'REDIRECT' && more) {
      i++;
      if (redirect !== 0) {
        call.fail('ERR A client can only redirect to a single other client');
        return null;
      }
      redirect = call.integer(i);
      if (call.failed) return null;
      if (call.rooms.clients.find(redirect) === null) {
        call.fail('ERR The client ID you want redirect to does not exist');
        return null;
      }
    } else if (word === 'PREFIX' && more) prefixes.push(call.latin1(++i));
    else if (['BCAST', 'OPTIN', 'OPTOUT', 'NOLOOP'].includes(word)) flags.add(word);
    else {
      call.fail(ERR_SYNTAX);
      return null;
    }
  }
  return {
    broadcast: flags.has('BCAST'),
    optIn: flags.has('OPTIN'),
    optOut: flags.has('OPTOUT'),
    noLoop: flags.has('NOLOOP'),
    redirect,
    prefixes,
  };
}

/** The problem with these options for a client that is in this state, or null. */
function problemOf(options: TrackingOptions, before: TrackingState | null): string | null {
  if (!options.broadcast && options.prefixes.length > 0) return 'PREFIX option requires BCAST mode to be enabled';
  if (before !== null && before.broadcast !== options.broadcast)
    return `You can't switch BCAST mode on/off ${SWITCH_MODE}`;
  if (options.broadcast && (options.optIn || options.optOut)) return 'OPTIN and OPTOUT are not compatible with BCAST';
  if (options.optIn && options.optOut) return "You can't specify both OPTIN mode and OPTOUT mode";
  if (before !== null && ((options.optIn && before.optOut) || (options.optOut && before.optIn)))
    return `You can't switch OPTIN/OPTOUT mode ${SWITCH_MODE}`;
  return options.broadcast ? overlapOf(options.prefixes, before?.prefixes ?? new Set()) : null;
}

/** A client's prefixes must not overlap: it would be told of a key twice. */
function overlapOf(prefixes: readonly string[], existing: ReadonlySet<string>): string | null {
  const overlap = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);
  for (const [index, prefix] of prefixes.entries()) {
    for (const other of [...existing].sort())
      if (overlap(prefix, other))
        return `Prefix '${prefix}' overlaps with an existing prefix '${other}'. Prefixes for a single client must not overlap.`;
    for (const other of prefixes.slice(index + 1))
      if (overlap(prefix, other))
        return `Prefix '${prefix}' overlaps with another provided prefix '${other}'. Prefixes for a single client must not overlap.`;
  }
  return null;
}

export function clientTracking(call: Call): void {
  const options = optionsOf(call);
  if (options === null) return;
  const { tracking } = call.rooms;
  if (call.is(2, 'ON')) {
    const problem = problemOf(options, call.client.tracking);
    if (problem !== null) {
      call.fail(`ERR ${problem}`);
      return;
    }
    tracking.start(call.client, options);
  } else if (call.is(2, 'OFF')) tracking.stop(call.client);
  else {
    call.fail(ERR_SYNTAX);
    return;
  }
  call.reply.ok();
}

export function clientCaching(call: Call): void {
  const state = call.client.tracking;
  if (state === null) {
    call.fail(
      'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
    );
    return;
  }
  const yes = call.is(2, 'YES');
  if (!yes && !call.is(2, 'NO')) {
    call.fail(ERR_SYNTAX);
    return;
  }
  if (yes && !state.optIn) {
    call.fail('ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.');
    return;
  }
  if (!yes && !state.optOut) {
    call.fail('ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.');
    return;
  }
  state.caching = true;
  call.reply.ok();
}

export function clientGetredir(call: Call): void {
  call.reply.integer(call.client.tracking?.redirect ?? -1);
}

function flagsOfState(state: TrackingState | null): string[] {
  if (state === null) return ['off'];
  const flags = ['on'];
  if (state.broadcast) flags.push('bcast');
  if (state.optIn) flags.push('optin');
  if (state.optIn && state.caching) flags.push('caching-yes');
  if (state.optOut) flags.push('optout');
  if (state.optOut && state.caching) flags.push('caching-no');
  if (state.noLoop) flags.push('noloop');
  if (state.brokenRedirect) flags.push('broken_redirect');
  return flags;
}

export function clientTrackinginfo(call: Call): void {
  const { reply } = call;
  const state = call.client.tracking;
  reply.map(3);
  reply.bulkText('flags');
  const flags = flagsOfState(state);
  reply.set(flags.length);
  for (const flag of flags) reply.bulkText(flag);
  reply.bulkText('redirect');
  reply.integer(state?.redirect ?? -1);
  reply.bulkText('prefixes');
  const prefixes = [...(state?.prefixes ?? [])].sort();
  reply.array(prefixes.length);
  for (const prefix of prefixes) reply.bulkLatin1(prefix);
}
