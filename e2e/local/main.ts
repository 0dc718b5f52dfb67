/**
 * The scenarios of a cluster on processes: npm run e2e:local -- [--only NAME[,NAME…]] [--port N] [--list]
 * Prints what it does, then a table of what was asserted and found; exits non-zero when anything failed.
 */
import { parseArgs } from 'node:util';
import { LocalCluster, type Spec } from './local-cluster.ts';
import { type Scenario, scenarios } from './scenarios.ts';

const DEFAULT_PORT = 17_100;
const READY_TIMEOUT_MS = 90_000;
const ACCOUNT_LINES = 8;

interface Result {
  readonly scenario: Scenario;
  readonly passed: boolean;
  /** Figures, or what is wrong. */
  readonly found: string;
  readonly seconds: number;
}

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string' },
      port: { type: 'string', default: String(DEFAULT_PORT) },
      list: { type: 'boolean', default: false },
    },
  });
  if (values.list) {
    for (const { name, asserted } of scenarios) process.stdout.write(`${name}  ${asserted}\n`);
    return 0;
  }
  const chosen = choose(values.only);
  const results: Result[] = [];
  let cluster: LocalCluster | null = null;
  // Those that are still starting are among them: whatever was begun is ended.
  const onSignal = (): void => {
    void Promise.all([...begun].map((one) => one.destroy())).finally(() => process.exit(130));
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  for (const scenario of chosen) {
    say(`${scenario.name}: ${scenario.asserted}`);
    const startMs = performance.now();
    try {
      cluster = await suitable(cluster, scenario.spec, Number(values.port));
      const found = await scenario.run(cluster);
      results.push(report({ scenario, passed: true, found, seconds: secondsSince(startMs) }));
      if (scenario.name === 'leave-nothing') cluster = await dispose(cluster);
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      results.push(report({ scenario, passed: false, found, seconds: secondsSince(startMs) }));
      for (const line of cluster?.account(ACCOUNT_LINES) ?? []) say(line);
      cluster = await dispose(cluster); // What a failed scenario leaves is nothing to build on.
    }
  }
  await dispose(cluster);
  process.stdout.write(`\n${table(results)}\n`);
  const failed = results.filter(({ passed }) => !passed).length;
  process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

function choose(only: string | undefined): readonly Scenario[] {
  if (only === undefined) return scenarios;
  const names = only.split(',');
  const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined)
    throw new Error(
      `--only ${unknown}: there is no such scenario: they are ${scenarios.map(({ name }) => name).join(', ')}`,
    );
  return scenarios.filter(({ name }) => names.includes(name));
}

/** Clusters not destroyed yet, for a signal to end. */
const begun = new Set<LocalCluster>();

/** The cluster at hand when it is what the scenario wants, or else a new one, ready. */
async function suitable(present: LocalCluster | null, spec: Spec, port: number): Promise<LocalCluster> {
  if (present !== null && JSON.stringify(present.spec) === JSON.stringify(spec)) {
    await present.ready(READY_TIMEOUT_MS);
    return present;
  }
  await dispose(present);
  const cluster = new LocalCluster(port, spec);
  begun.add(cluster);
  cluster.start();
  try {
    await cluster.line(/^ready /, READY_TIMEOUT_MS);
    await cluster.ready(READY_TIMEOUT_MS);
    return cluster;
  } catch (error) {
    for (const line of cluster.account(ACCOUNT_LINES)) say(line);
    await dispose(cluster);
    throw error;
  }
}

async function dispose(cluster: LocalCluster | null): Promise<null> {
  if (cluster !== null) {
    await cluster.destroy();
    begun.delete(cluster);
  }
  return null;
}

function report(result: Result): Result {
  say(`  ${result.passed ? 'passed' : 'FAILED'} in ${result.seconds.toFixed(1)} s: ${result.found}`);
  return result;
}

function table(results: readonly Result[]): string {
  const width = Math.max(...results.map(({ scenario }) => scenario.name.length));
  return results
    .map(({ scenario, passed, found, seconds }) =>
      [
        `${scenario.name.padEnd(width)}  ${passed ? 'passed' : 'FAILED'}  ${seconds.toFixed(1).padStart(5)} s  ${scenario.asserted}`,
        `${' '.repeat(width)}          ${found.split('\n', 1)[0]}`,
      ].join('\n'),
    )
    .join('\n');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function secondsSince(startMs: number): number {
  return (performance.now() - startMs) / 1000;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`e2e:local: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
