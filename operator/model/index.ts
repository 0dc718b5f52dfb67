/**
 * The words that observe, plan, act and the platforms share. Plain data, no I/O.
 *  view.ts      what the plan reads
 *  step.ts      what the plan answers
 *  workload.ts  a shard as the platform is asked to run it, names, and a node's directives
 *  admin.ts     the interface to a node
 *  slots.ts     ranges of slots
 *  limits.ts    every time-out, bound and back-off of the operator
 */
export * from './admin.ts';
export * from './limits.ts';
export * from './slots.ts';
export * from './step.ts';
export * from './view.ts';
export * from './workload.ts';
