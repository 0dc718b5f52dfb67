/** What COMMAND DOCS and COMMAND INFO tell of a command beyond its row in the table of commands. */
export interface CommandDoc {
  readonly complexity?: string;
  /** Its arguments, in the form of syntax.ts. */
  readonly syntax?: string;
  /** What changed: version and text. */
  readonly history?: readonly (readonly [version: string, text: string])[];
  readonly deprecated?: { readonly since: string; readonly replacedBy: string };
  /** An internal command. */
  readonly isSystem?: boolean;
  /** Advice to clients and proxies, as COMMAND INFO gives it. */
  readonly tips?: readonly string[];
}

/** By full name: `get`, `config|get`. */
export type CommandDocs = Readonly<Record<string, CommandDoc>>;
