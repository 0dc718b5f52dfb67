/** What scripts ask of the node: the executor and the composition root give it. */
import type { Client } from '../commands/client.ts';
import type { Arguments } from '../protocol/arguments.ts';
import type { ScriptRun } from './script-run.ts';

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

export interface ScriptHost {
  /** Why a script with these flags may not run now, as an error text; null when it may. */
  refusalOfRun(caller: Client, flags: number, readOnlyCommand: boolean): string | null;
  /** Commands of the run are this client's from now on. The reply writer is the run's until `end`. */
  begin(caller: Client, run: ScriptRun): void;
  end(): void;
  /**
   * Runs a command for a script. Null: it ran, and its reply stands in the reply writer from its beginning; otherwise why it
   * was refused, as an error text without its `-`.
   */
  call(args: Arguments, run: ScriptRun): string | null;
  /** Whether the user whose script runs may give a command; null when there is no such command. */
  mayCall(args: Arguments): boolean | null;
  nowMicros(): number;
  log(level: LogLevel, message: string): void;
}
