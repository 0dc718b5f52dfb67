/**
 * spec.config on nodes that run. A node that starts reads it from its workload; a live one is told by CONFIG SET.
 */
import { hashOf, type Step } from '../model/index.ts';
import { heardNodes, isStaying, refOf } from './facts.ts';
import type { Rule } from './rule.ts';

/** A directive whose value at a node differs from the spec's is set there, once for each life of the node and each change of the spec. */
export const applyConfig: Rule = (view) => {
  const wanted = Object.entries(view.desired.spec.config).map(([name, value]) => [name.toLowerCase(), value] as const);
  const hash = hashOf(view.desired.spec.config);
  return heardNodes(view).filter((node) => isStaying(view, node) && !node.report.loading && node.configured !== hash).flatMap((node): Step[] => {
    const different = wanted.filter(([name, value]) => canonical(node.report.config[name] ?? '') !== canonical(value));
    return different.length === 0 ? [] : [{ kind: 'configure', at: refOf(node), directives: Object.fromEntries(different), because: `spec.config has another value than ${node.place.name}` }];
  });
};

const UNITS: Readonly<Record<string, number>> = { b: 1, k: 1000, kb: 1024, m: 1e6, mb: 2 ** 20, g: 1e9, gb: 2 ** 30 };

/** One spelling of a value: CONFIG GET answers 104857600 where the spec says 100mb, and has no case in words. */
export function canonical(value: string): string {
  const text = value.trim().toLowerCase();
  const size = /^(\d+)(b|kb?|mb?|gb?)$/.exec(text);
  return size === null ? text : String(Number(size[1]) * UNITS[size[2]!]!);
}
