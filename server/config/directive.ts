/** What a directive is, and how the rows of the tables of directives are written. */

export type DirectiveKind = 'boolean' | 'integer' | 'octal' | 'memory' | 'text' | 'choice' | 'words';

export interface Directive {
  readonly name: string;
  readonly alias?: string;
  readonly kind: DirectiveKind;
  readonly initial: string;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** CONFIG SET may change it while the node runs. */
  readonly live: boolean;
  /** CONFIG SET may change it only where `enable-protected-configs` allows it. */
  readonly isProtected?: boolean;
  /** Accepted and kept, but without effect on this node: why. */
  readonly inert?: string;
  /** CONFIG GET shows it only where it is named in full: for tests. */
  readonly hidden?: boolean;
  /** Never shown in a log. */
  readonly secret?: boolean;
  /** The form of a value that CONFIG GET shows, where it is not the one that was given. */
  readonly canonical?: (value: string) => string;
  /** More than kind and bounds can say: the problem with a value, or null. */
  readonly check?: (value: string) => string | null;
}

export const MAX_PORT = 65535;
export const MAX_INT = 2 ** 31 - 1;
const MAX_MEMORY = 2 ** 64;

export function boolean(name: string, initial: 'yes' | 'no', live = true, alias?: string): Directive {
  return { name, kind: 'boolean', initial, live, ...(alias === undefined ? {} : { alias }) };
}

export function integer(
  name: string,
  initial: number,
  min: number,
  max: number,
  live = true,
  alias?: string,
): Directive {
  return { name, kind: 'integer', initial: String(initial), min, max, live, ...(alias === undefined ? {} : { alias }) };
}

/** Permissions, written as chmod has them; not live. */
export function octal(name: string, initial: number, max: number): Directive {
  return { name, kind: 'octal', initial: initial.toString(8), min: 0, max, live: false };
}

export function memory(name: string, initial: number, min = 0, live = true): Directive {
  return { name, kind: 'memory', initial: String(initial), min, max: MAX_MEMORY, live };
}

export function text(name: string, initial: string, live = true, alias?: string): Directive {
  return { name, kind: 'text', initial, live, ...(alias === undefined ? {} : { alias }) };
}

export function secret(name: string, alias?: string): Directive {
  return { ...text(name, '', true, alias), secret: true };
}

export function choice(name: string, initial: string, choices: readonly string[], live = true): Directive {
  return { name, kind: 'choice', initial, choices, live };
}

/** A directive whose value is a list of words, checked as a whole. */
export function words(name: string, initial: string, check: (value: string) => string | null, live = true): Directive {
  return { name, kind: 'words', initial, live, check };
}
