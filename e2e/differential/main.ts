/**
 * npm run differential: random stories told to our server and to a real valkey-server; the replies and a digest of the whole keyspace must
 * be equal after each. What differs is shrunk and printed as a story that a test can keep (kept.ts).
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { provideValkeyServer } from '../../tools/valkey.ts';
import { GROUPS } from './commands/groups.ts';
import { Ours, Theirs } from './servers.ts';
import { show, stories } from './story.ts';

const USAGE = `npm run differential -- [--sequences N] [--seed N] [--only GROUP[,GROUP ...]] [--port N]
  --sequences  how many stories (20000)
  --only       of these groups alone: ${Object.keys(GROUPS).join(', ')}
`;
const DEFAULT_SEQUENCES = 20_000;
const DEFAULT_PORT = 17_930;
const PROGRESS_EVERY = 1_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      sequences: { type: 'string', default: String(DEFAULT_SEQUENCES) },
      seed: { type: 'string', default: String(Date.now() & 0x7fffffff) },
      only: { type: 'string' },
      port: { type: 'string', default: String(DEFAULT_PORT) },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const groups = values.only?.split(',') ?? [];
  const unknown = groups.find((group) => !(group in GROUPS));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: the groups are ${Object.keys(GROUPS).join(', ')}`);
  const valkey = provideValkeyServer();
  if (valkey === null) return 1;
  const theirs = new Theirs(valkey.path, Number(values.port));
  const ours = new Ours();
  try {
    await theirs.open();
    if (!theirs.movesTime)
      say('no libfaketime (Debian: faketime): time stands still in no server, stories do not move it');
    say(`${values.sequences} sequences, seed ${values.seed}`);
    let told = 0;
    const result = await fc.check(
      fc.asyncProperty(stories(groups, theirs.movesTime), async (story) => {
        if (++told % PROGRESS_EVERY === 0) say(`${told} sequences`);
        const [mine, their] = await Promise.all([ours.tell(story), theirs.tell(story)]);
        const at = mine.replies.findIndex((reply, i) => JSON.stringify(reply) !== JSON.stringify(their.replies[i]));
        if (at >= 0)
          throw new Error(
            `reply ${at + 1}: ours ${JSON.stringify(mine.replies[at])}, theirs ${JSON.stringify(their.replies[at])}`,
          );
        if (mine.digest !== their.digest) throw new Error(`digest: ours ${mine.digest}, theirs ${their.digest}`);
      }),
      { numRuns: Number(values.sequences), seed: Number(values.seed), endOnFailure: false },
    );
    if (!result.failed) {
      process.stdout.write(`${result.numRuns} sequences, no difference\n`);
      return 0;
    }
    process.stdout.write(
      `a difference after ${result.numRuns} sequences (seed ${result.seed}), shrunk ${result.numShrinks} times:\n`,
    );
    process.stdout.write(`${show(result.counterexample![0])}\n${(result.errorInstance as Error).message}\n`);
    return 1;
  } finally {
    theirs.close();
  }
}

function say(line: string): void {
  process.stderr.write(`differential: ${line}\n`);
}

process.exitCode = await main().catch((error: Error) => {
  say(error.message);
  return 1;
});
