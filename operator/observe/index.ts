/**
 * From the platform's and the nodes' words to one immutable View.
 *  observe.ts  reads everything, in parallel
 *  parse.ts    CLUSTER NODES, INFO, CLUSTER GETSLOTMIGRATIONS
 *  report.ts   one node's answers -> NodeReport
 *  agree.ts    many NodeReports -> the facts that a majority of primaries shares
 *  memory.ts   since when, where last, how often failed
 */
export { agree } from './agree.ts';
export { Memory } from './memory.ts';
export { type Eyes, observe } from './observe.ts';
export { NODENAME_DIRECTIVE, toReport } from './report.ts';
