/**
 * How soon the kernel ends this process when memory runs out: oom-score-adj and its values, by role. Linux alone has it.
 * Source: Valkey 9.1 server.c setOOMScoreAdj.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Node } from '../node.ts';

const FILE = '/proc/self/oom_score_adj';
const MAX_SCORE = 1000;
const FAILED = 'Failed to set current oom_score_adj. Check server logs.';

export function wireOomScore(node: Node): void {
  const { settings } = node;
  /** The score that the process was started with; null while it stands. */
  let base: number | null = null;
  let role = node.role();

  const scoreOf = (mode: string, values: string, before: number): number => {
    const [primary, replica] = values.split(' ').map(Number);
    const value = (role === 'primary' ? primary! : replica!) + (mode === 'absolute' ? 0 : before);
    return Math.min(MAX_SCORE, Math.max(-MAX_SCORE, value));
  };
  const apply = (mode: string, values: string): string | null => {
    if (mode === 'no' && base === null) return null;
    try {
      const before = base ?? Number(readFileSync(FILE, 'utf8'));
      writeFileSync(FILE, String(mode === 'no' ? before : scoreOf(mode, values, before)));
      base = mode === 'no' ? null : before;
      return null;
    } catch (problem) {
      node.log(
        'warning',
        `Unable to write oom_score_adj: ${problem instanceof Error ? problem.message : String(problem)}`,
      );
      return FAILED;
    }
  };
  settings.applies('oom-score-adj', (mode) => apply(mode, settings.text('oom-score-adj-values')));
  settings.applies('oom-score-adj-values', (values) => apply(settings.text('oom-score-adj'), values));
  node.parts.push({
    start: async () => void apply(settings.text('oom-score-adj'), settings.text('oom-score-adj-values')),
    tick: () => {
      if (node.role() === role) return;
      role = node.role();
      apply(settings.text('oom-score-adj'), settings.text('oom-score-adj-values'));
    },
  });
}
