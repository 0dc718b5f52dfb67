/** The loop under a clock of its own: `sleep` is recorded and ends at once, unless a test holds it. */

import { expect, test } from 'vitest';
import { ClusterLoop, FIRST_ERROR_PAUSE_MS, LEAST_PAUSE_MS, LONGEST_ERROR_PAUSE_MS } from './cluster-loop.ts';

/** Answers to successive passes: a time, null, or an error. After the last, the loop is stopped. */
async function play(
  answers: readonly (number | null | Error)[],
  during: (loop: ClusterLoop, pass: number) => void = () => {},
) {
  const pauses: number[] = [];
  const errors: number[] = [];
  let passes = 0;
  let gone = false;
  const over = Promise.withResolvers<void>();
  const loop = new ClusterLoop({
    pass: async () => {
      const answer = answers[passes];
      passes += 1;
      during(loop, passes);
      if (passes >= answers.length) over.resolve();
      if (answer === undefined) return 1;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    onError: (_error, pauseMs) => errors.push(pauseMs),
    onGone: () => {
      gone = true;
    },
    now: () => 0,
    sleep: async (ms) => void pauses.push(ms),
  });
  loop.start();
  await over.promise;
  await loop.stop();
  return { pauses, errors, passes, gone };
}

test('a pass says when the next one is', async () => {
  const { pauses } = await play([5000, 200]);
  expect(pauses.slice(0, 2)).toEqual([LEAST_PAUSE_MS, 4900]);
});

test('a change during a pass leads to another soon after it', async () => {
  const { pauses } = await play([5000, 5000], (loop, pass) => {
    if (pass === 1) for (let poke = 0; poke < 5; poke += 1) loop.poke();
  });
  expect(pauses[0]).toBe(LEAST_PAUSE_MS);
  expect(pauses[1]).toBe(LEAST_PAUSE_MS);
});

test('passes that fail are tried again with pauses that double up to a limit, and pokes do not hurry them', async () => {
  const { errors } = await play(
    Array.from({ length: 8 }, () => new Error('no')),
    (loop) => loop.poke(),
  );
  expect(errors.slice(0, 3)).toEqual([FIRST_ERROR_PAUSE_MS, 2 * FIRST_ERROR_PAUSE_MS, 4 * FIRST_ERROR_PAUSE_MS]);
  expect(Math.max(...errors)).toBe(LONGEST_ERROR_PAUSE_MS);
});

test('a pass that succeeds ends the series of failures', async () => {
  const { errors } = await play([new Error('no'), new Error('no'), 1000, new Error('no'), 1000]);
  expect(errors).toEqual([FIRST_ERROR_PAUSE_MS, 2 * FIRST_ERROR_PAUSE_MS, FIRST_ERROR_PAUSE_MS]);
});

test('the loop ends when the cluster is gone', async () => {
  const { passes, gone } = await play([1000, null]);
  expect(gone).toBe(true);
  expect(passes).toBe(2);
});
