/** Groups of users of this machine. */
import { readFileSync } from 'node:fs';

/** The id of a group by its name or number. Throws where there is no such group. */
export function groupIdOf(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  for (const line of readFileSync('/etc/group', 'utf8').split('\n')) {
    const [name, , id] = line.split(':');
    if (name === group) return Number(id);
  }
  throw new Error(`there is no group '${group}'`);
}
