/**
 * spec.config on nodes that run. A node that starts reads it from its workload; a live one is told by CONFIG SET, and first:
 * a directive or value that a running server refuses would keep a starting one from starting.
 * What is taken at start only brings a restart (roll.ts). An entry that is removed from spec.config leaves its value in place until
 * the node starts again.
 */
import { hashOf, type Step, type View } from '../model/index.ts';
import { type HeardNode, heardNodes, isStaying, refOf } from './facts.ts';
import type { Rule } from './rule.ts';

/** A directive whose value at a node differs from the spec's is set there, once for each life of the node and each change of the spec. */
export const applyConfig: Rule = (view) => {
  const hash = hashOf(view.desired.spec.config);
  return configurable(view)
    .filter((node) => node.configured !== hash)
    .flatMap((node) => configure(view, node));
};

function configurable(view: View): HeardNode[] {
  return heardNodes(view).filter((node) => isStaying(view, node) && !node.report.loading);
}

function configure(view: View, node: HeardNode): Step[] {
  const different = differences(view, node);
  return different.length === 0
    ? []
    : [
        {
          kind: 'configure',
          at: refOf(node),
          directives: Object.fromEntries(different),
          because: `spec.config has another value than ${node.place.name}`,
        },
      ];
}

/** Directives that the node knows and that have another value there. */
export function differences(view: View, node: HeardNode): [string, string][] {
  return wanted(view).filter(
    ([name, value]) =>
      node.report.config[name] !== undefined && canonical(node.report.config[name]) !== canonical(value),
  );
}

function wanted(view: View): [string, string][] {
  return Object.entries(view.desired.spec.config).map(([name, value]) => [name.toLowerCase(), value]);
}

/** Directives of the spec that a running node does not know. */
export function unknownDirectives(view: View): string[] {
  const nodes = configurable(view);
  return wanted(view)
    .map(([name]) => name)
    .filter((name) => nodes.some((node) => node.report.config[name] === undefined));
}

/** Running nodes have taken spec.config, as far as it can be taken live: nodes may be started with it. */
export function isConfigProven(view: View): boolean {
  return unknownDirectives(view).length === 0 && applyConfig(view).length === 0;
}

const UNITS: Readonly<Record<string, number>> = { b: 1, k: 1000, kb: 1024, m: 1e6, mb: 2 ** 20, g: 1e9, gb: 2 ** 30 };

/** One spelling of a value: CONFIG GET answers 104857600 where the spec says 100mb, and has no case in words. */
export function canonical(value: string): string {
  const text = value.trim().toLowerCase();
  const size = /^(\d+)(b|kb?|mb?|gb?)$/.exec(text);
  return size === null ? text : String(Number(size[1]) * UNITS[size[2]!]!);
}
