/** `keyherd local`: a cluster of child processes on this machine, kept as a manifest says while it is edited. */
import { ManifestError } from '../api/index.ts';
import { Front, OccupiedError } from './front.ts';
import { type LocalOptions, readOptions, USAGE, UsageError } from './options.ts';
import { PlainScreen, type Screen, TableScreen } from './screen.ts';

function main(argv: readonly string[]): void {
  const options = readOptions(argv);
  if (options === null) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const front = new Front(options, screenFor(options));
  const end = (code: number): void => {
    front.end().then(
      () => process.exit(code),
      (error: unknown) => {
        process.stderr.write(`keyherd: could not stop everything: ${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => end(0));
  process.on('uncaughtException', (error) => {
    process.stderr.write(`keyherd: ${error.stack ?? error.message}\n`);
    end(1);
  });
  // A reader of our lines that went away (`| head`) is no reason to leave nodes behind.
  process.stdout.on('error', () => end(0));
  front.start();
}

function screenFor(options: LocalOptions): Screen {
  return process.stdout.isTTY && !options.plain ? new TableScreen(process.stdout) : new PlainScreen(process.stdout);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError || error instanceof ManifestError || error instanceof OccupiedError)) throw error;
  process.stderr.write(`keyherd: ${error.message}\n${error instanceof UsageError ? `${USAGE}\n` : ''}`);
  process.exit(1);
}
