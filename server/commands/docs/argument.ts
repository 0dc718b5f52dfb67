/**
 * What an argument of a command is, as COMMAND DOCS tells it. Source: Valkey 9.1 `src/commands/*.json`, "arguments".
 */

export type ArgumentType =
  | 'string'
  | 'integer'
  | 'double'
  | 'key'
  | 'pattern'
  | 'unix-time'
  | 'pure-token'
  | 'oneof'
  | 'block';

export interface Argument {
  readonly name: string;
  readonly type: ArgumentType;
  /** What a manual shows in its place; null for groups, whose parts are shown. */
  readonly display: string | null;
  /** Index among the command's key specs; -1 where it is no key. */
  readonly keySpec: number;
  /** The word before it, or that it is; null without one. */
  readonly token: string | null;
  readonly summary: string | null;
  readonly since: string | null;
  readonly deprecatedSince: string | null;
  readonly optional: boolean;
  readonly multiple: boolean;
  /** Repeated with its token each time. */
  readonly multipleToken: boolean;
  /** Of a group: its alternatives or parts. */
  readonly parts: readonly Argument[];
}
