/** Stories in which the two servers once differed. */
import type { Story } from './story.ts';

function commands(...lines: readonly (readonly string[])[]): Story {
  return lines.map((words) => ({ kind: 'command', words }));
}

export const kept: readonly { readonly about: string; readonly story: Story }[] = [
  {
    about: 'an unknown command is quoted up to its first zero byte',
    story: commands(['NOSUCH', '\0'], ['NO\0SUCH', 'a\0b', 'c'], ['NOSUCH', '\x80\xff'], ['CONFIG', '\xe9']),
  },
  {
    about: 'a new HyperLogLog is a raw string',
    story: commands(['PFADD', 'k'], ['OBJECT', 'ENCODING', 'k']),
  },
];
