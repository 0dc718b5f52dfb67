/**
 * A rule looks at the view and says what is to be done about its one subject, in steps that may be performed together.
 * No steps: the subject is as it should be, or not this rule's to change now.
 */
import { type Step, type StepOf, type View, WAIT_LOOK_MS } from '../model/index.ts';

export type Rule = (view: View) => readonly Step[];

/** Look again soon: something takes its time elsewhere. */
export function wait(view: View, reason: string, because: string, lookInMs: number = WAIT_LOOK_MS): StepOf<'wait'> {
  return { kind: 'wait', reason, untilMs: view.nowMs + lookInMs, because };
}

/** Nothing to be done from here: a person or the platform must change something. */
export function hold(reason: string, because: string): StepOf<'hold'> {
  return { kind: 'hold', reason, because };
}
