/**
 * Valkey's own Tcl suite against our node.
 *   npm run compat [-- --only unit/type/list,unit/expire] [--list] [--jobs N] [--baseport N] [--limit SECONDS] [--threshold PERCENT]
 *                  [--keep] [--full] [--json FILE] [--renew-reference] [--prepare] [--with-exempt]
 * A test is judged where a real server of the suite's version passes it; that run is made once a file and kept in the cache.
 * --prepare stops after that run; --with-exempt runs and judges the exempt tests too.
 * Progress goes to standard error, the table to standard output. Exits non-zero below the threshold, or when a test fails that is
 * not in known-failures.ts.
 */
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exemptionOf, exemptions } from './exemptions.ts';
import { knownFailures } from './known-failures.ts';
import { layPrograms, provideTclsh, type Server } from './programs.ts';
import { type FileRun, PORTS_PER_WORKER, runFile } from './run-file.ts';
import { compatFolder, provideSource, SUITE_VERSION } from './source.ts';
import { judge, sumsOf, tableOf, type Verdict } from './verdict.ts';

const FOLDERS = ['unit', 'unit/type'] as const;
const THRESHOLD_PERCENT = 97;
const FIRST_PORT = 21_100;
const MAX_JOBS = 2; // the suite measures times: more servers at once make it fail for being slow
const FILE_LIMIT_SECONDS = 900;
const DETAIL_LINES = 1;
const FULL_DETAIL_LINES = 40;
const DETAIL_CHARACTERS = 300;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const USAGE = `npm run compat -- [options]
  --only FILE[,FILE ...]  of the suite's files these alone, such as unit/type/list
  --list                  the names of the files
  --jobs N                files at once, 1 or ${MAX_JOBS} (${MAX_JOBS})
  --baseport N            the first of ${PORTS_PER_WORKER} ports a job (${FIRST_PORT})
  --limit SECONDS         for one file (${FILE_LIMIT_SECONDS})
  --threshold PERCENT     fail below it (${THRESHOLD_PERCENT})
  --full, --keep          whole errors; keep the working folder
  --json FILE             write every verdict to a file
  --with-exempt           run and judge the exempt tests too
  --prepare               stop after the real server's run; --renew-reference makes it anew
`;

const OPTIONS = {
  help: { type: 'boolean', default: false },
  only: { type: 'string' },
  list: { type: 'boolean', default: false },
  jobs: { type: 'string', default: String(MAX_JOBS) },
  baseport: { type: 'string', default: String(FIRST_PORT) },
  limit: { type: 'string', default: String(FILE_LIMIT_SECONDS) },
  threshold: { type: 'string', default: String(THRESHOLD_PERCENT) },
  keep: { type: 'boolean', default: false },
  full: { type: 'boolean', default: false },
  json: { type: 'string' },
  'with-exempt': { type: 'boolean', default: false },
  prepare: { type: 'boolean', default: false },
  'renew-reference': { type: 'boolean', default: false },
} as const;

interface Ground {
  readonly source: string;
  readonly tclsh: string;
  /** Of this run alone: several may go on at once. */
  readonly folder: string;
  readonly options: ReturnType<typeof readOptions>;
}

function readOptions(argv: readonly string[]) {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS });
  const number = (name: 'jobs' | 'baseport' | 'limit' | 'threshold', min: number, max: number): number => {
    const value = Number(values[name]);
    if (!(value >= min && value <= max)) throw new Error(`--${name} ${values[name]}: from ${min} to ${max}`);
    return value;
  };
  return {
    only: values.only?.split(',') ?? null,
    list: values.list,
    help: values.help,
    jobs: number('jobs', 1, MAX_JOBS),
    firstPort: number('baseport', 1024, 50_000),
    limitSeconds: number('limit', 1, 7200),
    thresholdPercent: number('threshold', 0, 100),
    keep: values.keep,
    full: values.full,
    json: values.json ?? null,
    withExempt: values['with-exempt'],
    prepareOnly: values.prepare,
    renewReference: values['renew-reference'],
  };
}

async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const source = provideSource(say);
  if (source === null) return 1;
  const all = filesOf(source);
  if (options.list) {
    process.stdout.write(`${all.join('\n')}\n`);
    return 0;
  }
  const unknown = options.only?.find((file) => !all.includes(file));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: the suite has no such file; --list names them`);
  const tclsh = provideTclsh(say);
  if (tclsh === null) return 1;
  const folder = join(compatFolder, 'runs', String(process.pid));
  const ground: Ground = { source, tclsh, folder, options };
  for (const server of ['keyherd', 'valkey'] as const)
    if (!layPrograms(join(folder, server), server, source, say)) return 1;

  const files = options.only ?? all;
  const verdicts: Verdict[] = [];
  const queue = [...files];
  const worker = async (number: number): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      if (options.prepareOnly) await referenceOf(ground, file, number);
      else verdicts.push(await judgeFile(ground, file, number));
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, (_, number) => worker(number)));
  verdicts.sort((one, other) => files.indexOf(one.file) - files.indexOf(other.file));
  if (!options.keep) rmSync(folder, { recursive: true, force: true });
  if (options.prepareOnly) return 0;
  if (options.json !== null) writeFileSync(options.json, JSON.stringify(verdicts.map(forJson), null, 1));
  return close(verdicts, options);
}

/** `unit/type/list` and so on, in the suite's order of folders. */
function filesOf(source: string): readonly string[] {
  return FOLDERS.flatMap((folder) =>
    globSync(join(source, 'tests', folder, '*.tcl'))
      .map((path) => `${folder}/${path.slice(path.lastIndexOf('/') + 1, -'.tcl'.length)}`)
      .sort(),
  );
}

async function judgeFile(ground: Ground, file: string, worker: number): Promise<Verdict> {
  const reference = await referenceOf(ground, file, worker);
  const ours = await run(ground, file, 'keyherd', worker);
  const verdict = judge(file, reference, ours, {
    exemptionOf: (test) => (ground.options.withExempt ? null : exemptionOf(file, test)),
    known: new Map(knownFailures.filter((one) => one.file === file).map((one) => [one.test, one.reason])),
  });
  tell(verdict, ours, reference, ground.options.full);
  return verdict;
}

function run(ground: Ground, file: string, server: Server, worker: number): Promise<FileRun> {
  const { options, folder } = ground;
  const exempt = options.withExempt ? [] : exemptions;
  const skipped = [...exempt, ...knownFailures.filter(({ hangs }) => hangs)].filter((one) => one.file === file);
  return runFile({
    file,
    tclsh: ground.tclsh,
    source: ground.source,
    programs: join(folder, server),
    workspace: join(folder, `${file.replaceAll('/', '-')}-${server}`),
    keepWorkspace: options.keep,
    firstPort: options.firstPort + worker * PORTS_PER_WORKER,
    limitSeconds: options.limitSeconds,
    skip: server === 'valkey' ? [] : skipped.map(({ test }) => (typeof test === 'string' ? test : `/${test.source}`)),
  });
}

/** The real server's run of a file: from the cache, or made now. */
async function referenceOf(ground: Ground, file: string, worker: number): Promise<FileRun> {
  const kept = join(compatFolder, `reference-${SUITE_VERSION}`, `${file.replaceAll('/', '-')}.json`);
  if (existsSync(kept) && !ground.options.renewReference) return JSON.parse(readFileSync(kept, 'utf8')) as FileRun;
  say(`${file}: asking the real server what passes on this machine (once)`);
  const made = await run(ground, file, 'valkey', worker);
  if (made.tests.length === 0 && made.accidents.length > 0)
    throw new Error(`${file}: the suite does not run against the real server: ${made.accidents[0]!.slice(0, 1000)}`);
  mkdirSync(join(kept, '..'), { recursive: true });
  writeFileSync(`${kept}.${process.pid}`, JSON.stringify(made));
  renameSync(`${kept}.${process.pid}`, kept);
  return made;
}

function tell(verdict: Verdict, ours: FileRun, reference: FileRun, full: boolean): void {
  const { file, passed, failures, accidents, outdated } = verdict;
  const end = ours.finished ? '' : ', cut off';
  say(
    `${file}: ${passed} passed, ${failures.length} failed${end} (${ours.seconds} s, the real server ${reference.seconds} s)`,
  );
  for (const { test, detail, known } of failures) {
    say(`  ${known === null ? 'FAILED' : 'known '} ${test}`);
    say(indented(known === null ? detail : known, full ? FULL_DETAIL_LINES : DETAIL_LINES));
  }
  for (const accident of accidents) say(indented(accident, full ? FULL_DETAIL_LINES : 2));
  for (const test of outdated) say(`  passes although known-failures.ts has it: ${test}`);
}

function indented(text: string, lines: number): string {
  return text
    .split('\n')
    .slice(0, lines)
    .map((line) => `      ${line.slice(0, DETAIL_CHARACTERS)}`)
    .join('\n');
}

function close(verdicts: readonly Verdict[], options: Ground['options']): number {
  const sums = sumsOf(verdicts);
  process.stdout.write(`\n${tableOf(verdicts)}\n`);
  process.stdout.write(`${sums.passed} passed, ${sums.failed} failed\n`);
  if (sums.unexpected > 0) say(`${sums.unexpected} failures are not in known-failures.ts`);
  const judged = options.only === null;
  const below = judged && sums.percent < options.thresholdPercent;
  if (below) say(`${sums.percent.toFixed(2)}% passed: below ${options.thresholdPercent}%`);
  return sums.unexpected > 0 || below ? 1 : 0;
}

function forJson(verdict: Verdict): unknown {
  return { ...verdict, exempt: Object.fromEntries(verdict.exempt) };
}

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (problem) {
  say(`keyherd: ${problem instanceof Error ? problem.message : String(problem)}`);
  process.exitCode = 1;
}
