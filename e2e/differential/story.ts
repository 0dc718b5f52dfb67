/** A story: what is done to both servers. Commands, transactions, and moves of the clock. */
import fc from 'fast-check';
import { GROUPS } from './commands/groups.ts';
import type { Words } from './commands/words.ts';

export type Event =
  | { readonly kind: 'command'; readonly words: Words }
  /** Time goes on by so many milliseconds. */
  | { readonly kind: 'wait'; readonly ms: number };

export type Story = readonly Event[];

const MOST_COMMANDS = 25;
const MOST_IN_TRANSACTION = 4;

/** Stories of the named groups, or of all. */
export function stories(groups: readonly string[], movesTime: boolean): fc.Arbitrary<Story> {
  const chosen = Object.entries(GROUPS).filter(([name]) => groups.length === 0 || groups.includes(name));
  const command = fc.oneof(...chosen.map(([, { weight, commands }]) => ({ weight, arbitrary: fc.oneof(...commands) })));
  const one = command.map((words): Story => [{ kind: 'command', words }]);
  const transaction = fc
    .array(command, { maxLength: MOST_IN_TRANSACTION })
    .map((list): Story => [['MULTI'], ...list, ['EXEC']].map((words) => ({ kind: 'command', words })));
  const wait = fc.integer({ min: 1, max: 12 }).map((n): Story => [{ kind: 'wait', ms: n * 500 }]);
  const event = fc.oneof(
    { weight: 20, arbitrary: one },
    { weight: 1, arbitrary: transaction },
    ...(movesTime ? [{ weight: 2, arbitrary: wait }] : []),
  );
  const protocol = fc.constantFrom('2', '3').map((version): Story => [{ kind: 'command', words: ['HELLO', version] }]);
  return fc
    .tuple(protocol, fc.array(event, { maxLength: MOST_COMMANDS }))
    .map(([first, rest]) => [...first, ...rest.flat()]);
}

/** A story as a test can keep it: one line an event. */
export function show(story: Story): string {
  return story
    .map((event) =>
      event.kind === 'wait' ? `wait ${event.ms} ms` : event.words.map((word) => JSON.stringify(word)).join(' '),
    )
    .join('\n');
}
