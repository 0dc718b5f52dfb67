/**
 * act.ts  one step through the platform or the admin client, its precondition checked again
 */
export { type Hands, Outdated, perform, SETTLE_MS } from './act.ts';
