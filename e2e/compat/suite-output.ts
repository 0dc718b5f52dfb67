/**
 * What the suite prints, read into outcomes: `[ok]: name (12 ms)`, `[err]: name in tests/unit/x.tcl` with lines of detail, and so on.
 * Source of the form: tests/test_helper.tcl and tests/support/test.tcl of Valkey 9.1.
 */

export type Outcome = 'passed' | 'failed' | 'skipped';

export interface TestResult {
  readonly name: string;
  readonly outcome: Outcome;
  /** Of a failed test: what the suite said, first line first; of a skipped one: why. */
  readonly detail: string;
}

export interface SuiteOutput {
  readonly tests: readonly TestResult[];
  /** What went wrong outside a test: an exception that ended a block or the file, a server that did not start, a time-out. */
  readonly accidents: readonly string[];
  /** The suite came to the end of the file. */
  readonly finished: boolean;
}

const STATUS_LINE = /^\[(ok|err|skip|ignore|exception|TIMEOUT)\]: (.*)$/;
const OTHER_LINE = /^\[(?:ready|testing|\d+\/\d+ done)\]: /;
const DONE_LINE = /^\[\d+\/\d+ done\]: /;
const TIMING = / \(\d+ ms\)$/m;
/** The test's file stands after its name; a name may hold ` in ` itself. */
const FAILED_TEST = /^(.*) in tests\/\S+\.tcl$/;
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
const ASSERTION_PREFIX = 'assertion:';
const END = /^\s+The End$/;

interface Open {
  readonly status: string;
  readonly lines: string[];
}

export function readSuiteOutput(text: string): SuiteOutput {
  const tests: TestResult[] = [];
  const accidents: string[] = [];
  let finished = false;
  let open: Open | null = null;
  const close = (): void => {
    if (open !== null) settle(open, tests, accidents);
    open = null;
  };
  for (const line of text.replaceAll(COLOURS, '').split('\n')) {
    const status = STATUS_LINE.exec(line);
    if (status !== null) {
      close();
      open = { status: status[1]!, lines: [status[2]!] };
    } else if (END.test(line)) {
      // What follows repeats the failures.
      close();
      return { tests, accidents, finished };
    } else if (OTHER_LINE.test(line)) {
      close();
      finished ||= DONE_LINE.test(line);
    } else {
      (open as Open | null)?.lines.push(line);
    }
  }
  close();
  return { tests, accidents, finished };
}

function settle({ status, lines }: Open, tests: TestResult[], accidents: string[]): void {
  const text = lines.join('\n').trim();
  switch (status) {
    case 'ok':
      // A name of several lines ends with the timing of its last; what the next test prints may follow.
      tests.push({ name: text.slice(0, TIMING.exec(text)?.index), outcome: 'passed', detail: '' });
      return;
    case 'err': {
      const head = lines.findIndex((line) => FAILED_TEST.test(line));
      if (head === -1) {
        accidents.push(serverStart(text));
        return;
      }
      const name = [...lines.slice(0, head), FAILED_TEST.exec(lines[head]!)![1]!].join('\n');
      tests.push({ name, outcome: 'failed', detail: detailOf(lines.slice(head + 1)) });
      return;
    }
    case 'skip':
    case 'ignore': {
      // `name` of a test that we asked to skip, `name: reason`, or only the reason for a block of tests.
      const reason = /^(?:(.*): )?(Not supported .*|Tag: .*|.* not available .*|.* not provided)$/s.exec(text);
      if (reason !== null && reason[1] === undefined) accidents.push(`a block of tests was skipped: ${text}`);
      else tests.push({ name: skippedName(reason?.[1] ?? text), outcome: 'skipped', detail: reason?.[2] ?? text });
      return;
    }
    default:
      accidents.push(text);
  }
}

/** A server that did not start is told with its whole configuration: what it said itself is what counts. */
function serverStart(text: string): string {
  const [before, after] = text.split('\nERROR:\n');
  if (after === undefined) return text;
  const said = after.split('\n').filter((line) => line !== '' && !line.startsWith('### '));
  return `${before!.split('\n', 1)[0]}: ${said.at(-1) ?? 'it said nothing'}`;
}

/** Of an error that is no assertion the suite first tells a message whose head it cut off, then the whole with the stack. */
function detailOf(lines: readonly string[]): string {
  const [first = '', second = ''] = lines;
  const isCut = second.endsWith(first) && second.length - first.length === ASSERTION_PREFIX.length;
  return lines
    .slice(isCut ? 1 : 0)
    .join('\n')
    .trim();
}

/** A test that skipped itself is told as `name in file: why`. */
function skippedName(text: string): string {
  return /^(.*) in tests\/\S+\.tcl(?:: .*)?$/s.exec(text)?.[1] ?? text;
}
