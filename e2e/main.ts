/**
 * keyherd in a real kind cluster.
 *   npm run e2e [-- --only NAME[,NAME…]] [--keep] [--list]   the scenarios, then a table of what was asserted
 *               [--server-image IMAGE]                      nodes of another image, such as Valkey's own
 *   npm run up                                              as far as a running cluster, and how to connect to it
 *   npm run down                                            removes it
 * Progress goes to standard error, the table to standard output; exits non-zero when anything failed.
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { clusterStatus, deleteCluster, ensureCluster, loadImage, Refusal, toolPath } from './cluster/index.ts';
import { Shell } from './cluster/shell.ts';
import { buildImages, type Images } from './images.ts';
import { Kubectl } from './kubectl.ts';
import { type Scenario, scenarios } from './scenarios/index.ts';
import { CLUSTER_NAME, MANIFEST_FILE, Stage } from './scenarios/stage.ts';

const SYSTEM_NAMESPACE = 'keyherd-system';
const SCENARIO_NAMESPACE = 'keyherd-e2e';
const UP_NAMESPACE = 'default';
const RELEASE = 'keyherd';
const CHART = 'charts/keyherd';
const root = join(import.meta.dirname, '..');
const INSTALL_LIMIT_MS = 180_000;
/** Lines of the operator's log after a failed scenario. */
const ACCOUNT_LINES = 15;

const USAGE = `usage: npm run e2e -- [--only NAME[,NAME…]] [--keep] [--list] [--server-image IMAGE]
       npm run up
       npm run down`;

interface Ground {
  readonly kubeconfig: string;
  readonly images: Images;
  readonly system: Kubectl;
}

interface Result {
  readonly scenario: Scenario;
  readonly passed: boolean;
  /** Figures, or what is wrong. */
  readonly found: string;
  readonly seconds: number;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** The kind cluster with the operator of this checkout in it. */
async function prepare(serverImage?: string): Promise<Ground> {
  const { kubeconfig } = await ensureCluster();
  const built = await buildImages(say);
  if (serverImage !== undefined) await loadImage(serverImage);
  const images = { ...built, server: serverImage ?? built.server };
  const system = new Kubectl(toolPath('kubectl'), kubeconfig, SYSTEM_NAMESPACE);
  const repositoryAndTag = (value: string, image: string) => {
    const colon = image.lastIndexOf(':');
    return ['--set-string', `${value}.repository=${image.slice(0, colon)},${value}.tag=${image.slice(colon + 1)}`];
  };
  await new Shell().run([toolPath('helm'), 'lint', '--strict', CHART], { cwd: root });
  say(`installing the chart with ${images.operator}`);
  await new Shell().run(
    [
      toolPath('helm'),
      'upgrade',
      '--install',
      RELEASE,
      CHART,
      '--kubeconfig',
      kubeconfig,
      '--namespace',
      SYSTEM_NAMESPACE,
      '--create-namespace',
      '--wait',
      '--timeout',
      `${INSTALL_LIMIT_MS / 1000}s`,
      ...repositoryAndTag('image', images.operator),
      ...repositoryAndTag('serverImage', images.server),
    ],
    { timeoutMs: INSTALL_LIMIT_MS + 30_000, cwd: root },
  );
  return { kubeconfig, images, system };
}

async function runScenarios(only: string | undefined, keep: boolean, serverImage: string | undefined): Promise<number> {
  const chosen = choose(only);
  // What stood before is not ours to remove.
  const stoodBefore = (await clusterStatus()).isReady;
  const tearDown = async (): Promise<void> => {
    if (keep) return say(`kept: npm run down removes it; the scenarios' namespace is ${SCENARIO_NAMESPACE}`);
    if (!stoodBefore) return deleteCluster({ daemon: true });
    const { kubeconfig } = await ensureCluster();
    const kubectl = new Kubectl(toolPath('kubectl'), kubeconfig, SCENARIO_NAMESPACE);
    await kubectl.run(['delete', 'namespace', SCENARIO_NAMESPACE, '--ignore-not-found', '--wait=false']);
  };
  const interrupted = (): void => void tearDown().finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted);
  const results: Result[] = [];
  try {
    const { images, system } = await prepare(serverImage);
    const kubectl = system.in(SCENARIO_NAMESPACE);
    await kubectl.attempt(['delete', 'namespace', SCENARIO_NAMESPACE, '--ignore-not-found', '--wait']);
    await kubectl.run(['create', 'namespace', SCENARIO_NAMESPACE]);
    const stage = new Stage(kubectl, system, images, say);
    // Run alone, a scenario needs the cluster that the first one makes.
    if (chosen[0]?.name !== 'create') await kubectl.apply(stage.manifest());
    for (const scenario of chosen) {
      say(`${scenario.name}: ${scenario.asserted}`);
      results.push(await runOne(scenario, stage));
    }
    process.stdout.write(`\n${table(results)}\n`);
  } finally {
    await tearDown();
  }
  const failed = results.filter(({ passed }) => !passed).length;
  process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

async function runOne(scenario: Scenario, stage: Stage): Promise<Result> {
  const beganAtMs = performance.now();
  const result = (passed: boolean, found: string): Result => {
    const seconds = (performance.now() - beganAtMs) / 1000;
    say(`  ${passed ? 'passed' : 'FAILED'} in ${seconds.toFixed(1)} s: ${found}`);
    return { scenario, passed, found, seconds };
  };
  try {
    return result(true, await scenario.run(stage));
  } catch (error) {
    const failed = result(false, error instanceof Error ? error.message : String(error));
    await account(stage);
    return failed;
  }
}

/** What a person would look at first after a failure. */
async function account(stage: Stage): Promise<void> {
  const looks: readonly (readonly [Kubectl, readonly string[]])[] = [
    [stage.kubectl, ['get', 'valkeyclusters,pods', '-o', 'wide']],
    [stage.system, ['logs', `deployment/${RELEASE}`, `--tail=${ACCOUNT_LINES}`]],
  ];
  for (const [kubectl, args] of looks) {
    const { stdout, stderr } = await kubectl.attempt(args);
    for (const line of `${stdout}${stderr}`.trim().split('\n')) say(`    ${line}`);
  }
}

function choose(only: string | undefined): readonly Scenario[] {
  if (only === undefined) return scenarios;
  const names = only.split(',');
  const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined)
    throw new Refusal(
      `--only ${unknown}: there is no such scenario; they are ${scenarios.map(({ name }) => name).join(', ')}`,
    );
  return scenarios.filter(({ name }) => names.includes(name));
}

function table(results: readonly Result[]): string {
  const width = Math.max(...results.map(({ scenario }) => scenario.name.length));
  return results
    .map(({ scenario, passed, found, seconds }) =>
      [
        `${scenario.name.padEnd(width)}  ${passed ? 'passed' : 'FAILED'}  ${seconds.toFixed(1).padStart(6)} s  ${scenario.asserted}`,
        `${' '.repeat(width)}                   ${found.split('\n', 1)[0]}`,
      ].join('\n'),
    )
    .join('\n');
}

async function up(): Promise<number> {
  const { kubeconfig, images, system } = await prepare();
  const stage = new Stage(system.in(UP_NAMESPACE), system, images, say);
  await stage.kubectl.apply(stage.manifest());
  say(`waiting for ${CLUSTER_NAME} of ${MANIFEST_FILE}`);
  const seconds = await stage.ready();
  process.stdout.write(`${CLUSTER_NAME} is Ready after ${seconds.toFixed(0)} s. Look at it, and write to it from within the cluster:

  export KUBECONFIG=${kubeconfig}
  alias kubectl=${toolPath('kubectl')}
  kubectl get valkeyclusters,pods
  kubectl scale valkeycluster ${CLUSTER_NAME} --replicas=4
  kubectl run load --rm -i --restart=Never --image=${images.workload} -- --target ${CLUSTER_NAME}:6379 --seconds 20

A cluster's client follows redirections to the pods' addresses, so it runs in the cluster. One node from here:

  kubectl port-forward service/${CLUSTER_NAME} 6379

npm run down removes everything.
`);
  return 0;
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string' },
      'server-image': { type: 'string' },
      keep: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  if (values.list) {
    for (const { name, asserted } of scenarios) process.stdout.write(`${name}  ${asserted}\n`);
    return 0;
  }
  switch (positionals.join(' ')) {
    case '':
      return runScenarios(values.only, values.keep, values['server-image']);
    case 'up':
      return up();
    case 'down':
      await deleteCluster({ daemon: true });
      return 0;
    default:
      throw new Refusal(USAGE);
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    const known = error instanceof Refusal || error instanceof TypeError;
    process.stderr.write(
      `e2e: ${error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error)}\n`,
    );
    process.exit(1);
  },
);
