/**
 * Our node's run of a file held against the real server's: every test that passes there must pass here.
 * A test that our run does not show, because an exception ended its block or the file, counts as failed.
 */
import type { Category, Exemption } from './exemptions.ts';
import type { SuiteOutput, TestResult } from './suite-output.ts';

export interface Failure {
  readonly test: string;
  readonly detail: string;
  /** Why it is known to fail; null for a failure that nobody expects. */
  readonly known: string | null;
}

export interface Verdict {
  readonly file: string;
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly exempt: ReadonlyMap<Category, number>;
  /** Tests that the real server does not pass on this machine either: they say nothing of our node. */
  readonly notJudged: number;
  /** Known failures that pass, or that the suite no longer has. */
  readonly outdated: readonly string[];
  readonly accidents: readonly string[];
}

export interface Expectations {
  exemptionOf(test: string): Exemption | null;
  /** test → reason */
  readonly known: ReadonlyMap<string, string>;
}

const NOT_REACHED = 'not reached: what came before it ended its block or the file';

export function judge(file: string, reference: SuiteOutput, ours: SuiteOutput, expectations: Expectations): Verdict {
  const left = new Map<string, TestResult[]>();
  for (const result of ours.tests) {
    const list = left.get(result.name);
    if (list === undefined) left.set(result.name, [result]);
    else list.push(result);
  }
  let passed = 0;
  let notJudged = 0;
  const failures: Failure[] = [];
  const exempt = new Map<Category, number>();
  for (const { name, outcome } of reference.tests) {
    // Tests of one name are matched in their order.
    const result = left.get(name)?.shift();
    const exemption = expectations.exemptionOf(name);
    if (exemption !== null) {
      exempt.set(exemption.category, (exempt.get(exemption.category) ?? 0) + 1);
    } else if (outcome !== 'passed') {
      notJudged++;
    } else if (result?.outcome === 'passed') {
      passed++;
    } else {
      const detail = result === undefined ? NOT_REACHED : result.detail;
      failures.push({ test: name, detail, known: expectations.known.get(name) ?? null });
    }
  }
  const failing = new Set(failures.map(({ test }) => test));
  const outdated = [...expectations.known.keys()].filter((name) => !failing.has(name));
  return { file, passed, failures, exempt, notJudged, outdated, accidents: ours.accidents };
}

export interface Sums {
  readonly passed: number;
  readonly failed: number;
  readonly unexpected: number;
  readonly exempt: number;
  readonly notJudged: number;
  /** Of the tests that count: passed and failed. */
  readonly percent: number;
}

export function sumsOf(verdicts: readonly Verdict[]): Sums {
  const sum = (count: (verdict: Verdict) => number) => verdicts.reduce((before, one) => before + count(one), 0);
  const passed = sum((one) => one.passed);
  const failed = sum((one) => one.failures.length);
  return {
    passed,
    failed,
    unexpected: sum((one) => one.failures.filter(({ known }) => known === null).length),
    exempt: sum((one) => [...one.exempt.values()].reduce((before, count) => before + count, 0)),
    notJudged: sum((one) => one.notJudged),
    percent: passed + failed === 0 ? 100 : (100 * passed) / (passed + failed),
  };
}

/** A line a file, and their sums. */
export function tableOf(verdicts: readonly Verdict[]): string {
  const rows = [['file', 'passed', 'failed', 'exempt', 'not judged', '%', 'exempt as']];
  const row = (name: string, sums: Sums, categories: string): void => {
    const { passed, failed, exempt, notJudged, percent } = sums;
    rows.push([name, ...[passed, failed, exempt, notJudged].map(String), percent.toFixed(1), categories]);
  };
  for (const verdict of verdicts) {
    const categories = [...verdict.exempt].map(([category, count]) => `${category}: ${count}`).join(', ');
    row(verdict.file, sumsOf([verdict]), categories);
  }
  row('all', sumsOf(verdicts), '');
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === 0 || column === 6 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
