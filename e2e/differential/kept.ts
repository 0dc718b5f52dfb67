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
  {
    about: 'how a string was written goes with its copy, its new name and its move, until it is written anew',
    story: commands(
      ['SET', 'k', '5'],
      ['INCRBYFLOAT', 'k', '1'],
      ['EXPIRE', 'k', '1000'],
      ['OBJECT', 'ENCODING', 'k'],
      ['COPY', 'k', 'copy'],
      ['OBJECT', 'ENCODING', 'copy'],
      ['INCR', 'k'],
      ['OBJECT', 'ENCODING', 'k'],
      ['APPEND', 'k', '1'],
      ['RENAME', 'k', 'renamed'],
      ['OBJECT', 'ENCODING', 'renamed'],
      ['MOVE', 'copy', '1'],
      ['SELECT', '1'],
      ['OBJECT', 'ENCODING', 'copy'],
    ),
  },
];
