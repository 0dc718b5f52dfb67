/**
 * The values of the directives on one node: read at start from arguments and file, changed by CONFIG SET, watched by rooms.
 */
import { type Directive, directives, isOn, parseMemory } from './directives.ts';

/** `name` in `where` (a file's line, an argument) cannot be: the message is the one line a user sees. */
export class SettingsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SettingsError';
  }
}

export class Settings {
  private readonly values: Map<string, string>;
  private readonly watchers: Map<string, ((value: string) => void)[]> = new Map();
  private readonly byName: Map<string, Directive> = new Map();
  private readonly appliers: Map<string, (value: string) => string | null> = new Map();
  private savePointsRead = false;

  constructor() {
    this.values = new Map(directives.map((directive) => [directive.name, directive.initial]));
    for (const directive of directives) {
      this.byName.set(directive.name, directive);
      if (directive.alias !== undefined) this.byName.set(directive.alias, directive);
    }
  }

  /** `user name rule…` lines, as latin-1 text of their bytes. */
  readonly users: (readonly string[])[] = [];
  /** `rename-command from to` lines, in their order. */
  readonly renames: { readonly from: string; readonly to: string }[] = [];

  directive(name: string): Directive | null {
    return this.byName.get(name.toLowerCase()) ?? null;
  }

  text(name: string): string {
    const value = this.values.get(name);
    if (value === undefined) throw new Error(`settings: ${name} is not in the table of directives`);
    return value;
  }

  integer(name: string): number {
    return Number(this.text(name));
  }

  flag(name: string): boolean {
    return isOn(this.text(name));
  }

  /** Calls `changed` now and at every change. */
  watch(name: string, changed: (value: string) => void): void {
    changed(this.text(name));
    const list = this.watchers.get(name);
    if (list === undefined) this.watchers.set(name, [changed]);
    else list.push(changed);
  }

  /**
   * The value as the table keeps it (`100mb` → `104857600`), or the problem with it.
   * Source of the texts: Valkey 9.1 config.c.
   */
  normalise(directive: Directive, value: string): { readonly value: string } | { readonly problem: string } {
    switch (directive.kind) {
      case 'boolean':
        return /^(yes|no)$/i.test(value)
          ? { value: value.toLowerCase() }
          : { problem: "argument must be 'yes' or 'no'" };
      case 'choice': {
        const found = directive.choices!.find((one) => one === value.toLowerCase());
        return found === undefined
          ? { problem: `argument(s) must be one of the following: ${directive.choices!.join(', ')}` }
          : { value: found };
      }
      case 'integer': {
        if (!/^-?\d+$/.test(value)) return { problem: "argument couldn't be parsed into an integer" };
        return this.bounded(directive, Number(value));
      }
      case 'octal': {
        if (!/^[0-7]+$/.test(value)) return { problem: "argument couldn't be parsed into an integer" };
        const bounded = this.bounded(directive, Number.parseInt(value, 8));
        return 'problem' in bounded ? bounded : { value: Number(bounded.value).toString(8) };
      }
      case 'memory': {
        const bytes = parseMemory(value);
        if (bytes === null) return { problem: 'argument must be a memory value' };
        const bounded = this.bounded(directive, bytes);
        // Beyond 2^53 the digits are kept as they were given.
        return 'problem' in bounded || !/^\d+$/.test(value) ? bounded : { value };
      }
      case 'words': {
        const joined = value
          .split(/\s+/)
          .filter((word) => word !== '')
          .join(' ');
        const problem = directive.check!(joined);
        return problem === null ? { value: directive.canonical?.(joined) ?? joined } : { problem };
      }
      case 'text':
        return { value };
    }
  }

  private bounded(directive: Directive, number: number): { readonly value: string } | { readonly problem: string } {
    if (number >= directive.min! && number <= directive.max!) return { value: String(number) };
    return { problem: `argument must be between ${directive.min} and ${directive.max} inclusive` };
  }

  /** What must come about for a value of this directive before it counts: returns the problem or null. */
  applies(name: string, apply: (value: string) => string | null): void {
    this.appliers.set(name, apply);
  }

  /** Sets a value that `normalise` gave, unless it cannot be applied: the problem or null. */
  apply(name: string, value: string): string | null {
    const problem = this.appliers.get(name)?.(value) ?? null;
    if (problem === null) this.set(name, value);
    return problem;
  }

  /** Takes a value that `normalise` gave. */
  set(name: string, value: string): void {
    this.values.set(name, value);
    for (const changed of this.watchers.get(name) ?? []) changed(value);
  }

  /** Reads one line of a configuration file or one `--directive value…` of a command line; the problem with it, or null. */
  read(name: string, values: readonly string[]): string | null {
    if (name.toLowerCase() === 'user') {
      if (values.length === 0) return 'wrong number of arguments';
      this.users.push(values.map(latin1OfBytes));
      return null;
    }
    if (name.toLowerCase() === 'rename-command' && values.length === 2) {
      this.renames.push({ from: values[0]!, to: values[1]! });
      return null;
    }
    const directive = this.directive(name);
    if (directive === null) return `Bad directive or wrong number of arguments${this.suggestion(name)}`;
    if (values.length !== 1 && directive.kind !== 'words') return 'wrong number of arguments';
    const normalised = this.normalise(directive, this.added(directive, values.join(' ')));
    if ('problem' in normalised) return normalised.problem;
    this.set(directive.name, normalised.value);
    return null;
  }

  /** Output limits add up over lines, and so do save points once the first line replaced the default; an empty one clears. */
  private added(directive: Directive, value: string): string {
    if (directive.name === 'client-output-buffer-limit') return `${this.text(directive.name)} ${value}`;
    if (directive.name !== 'save') return value;
    const before = this.savePointsRead && value !== '' ? this.text('save') : '';
    this.savePointsRead = true;
    return `${before} ${value}`;
  }

  /** Directives that were given a value that has no effect here. */
  inertInUse(): readonly Directive[] {
    return directives.filter((one) => one.inert !== undefined && this.text(one.name) !== one.initial);
  }

  private suggestion(name: string): string {
    const near = directives.find((one) => one.name.replaceAll('-', '') === name.toLowerCase().replaceAll(/[-_]/g, ''));
    return near === undefined ? '' : ` (did you mean '${near.name}'?)`;
  }

  /** Name and value of every directive whose name (or alias) matches; never a hidden one. */
  entries(matches: (name: string) => boolean): readonly (readonly [string, string])[] {
    const found: (readonly [string, string])[] = [];
    for (const [name, directive] of this.byName) {
      if (directive.hidden !== true && matches(name)) found.push([name, this.text(directive.name)]);
    }
    return found;
  }
}

/** Text as latin-1 text of its bytes in UTF-8. */
export function latin1OfBytes(text: string): string {
  let bytes = '';
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}
