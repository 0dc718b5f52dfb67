import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyHistory } from './history.ts';

/** A store of one key that does what it is told, so that a test can say what truly happened to a write. */
type Outcome = 'confirmed' | 'acknowledged' | 'refused' | 'lost answer, applied' | 'lost answer, not applied';
const outcomes: readonly Outcome[] = [
  'confirmed',
  'acknowledged',
  'refused',
  'lost answer, applied',
  'lost answer, not applied',
];

class Story {
  readonly history = new KeyHistory();
  stored: number | null = null;
  readonly verdicts: string[] = [];

  /** One overwrite, which also reads the previous value when it is answered. */
  write(outcome: Outcome): void {
    const version = this.history.issue();
    const previous = this.stored;
    if (outcome === 'refused') return this.history.refuse();
    if (outcome === 'lost answer, not applied') return this.history.leaveIndeterminate();
    this.stored = version;
    if (outcome === 'lost answer, applied') return this.history.leaveIndeterminate();
    this.verdicts.push(this.history.observe(previous));
    this.history.acknowledge(outcome === 'confirmed');
  }

  read(): string {
    const verdict = this.history.observe(this.stored);
    this.verdicts.push(verdict);
    return verdict;
  }
}

const anyOutcomes = fc.array(fc.constantFrom(...outcomes), { maxLength: 60 });

test('a store that keeps its word is never accused, whatever answers go missing', () => {
  fc.assert(
    fc.property(anyOutcomes, (story) => {
      const key = new Story();
      for (const outcome of story) key.write(outcome);
      key.read();
      expect(new Set(key.verdicts)).toEqual(new Set(['right']));
    }),
  );
});

test('a store that goes back to any earlier version than the last acknowledged is found out by the next read or overwrite', () => {
  fc.assert(
    fc.property(anyOutcomes, fc.nat(), fc.boolean(), (story, pick, byOverwrite) => {
      const key = new Story();
      for (const outcome of [...story, 'acknowledged' as const]) key.write(outcome);
      const older = pick % key.history.lastAcknowledged;
      key.stored = older === 0 ? null : older;
      key.verdicts.length = 0;
      if (byOverwrite) key.write('acknowledged');
      else key.read();
      expect(key.verdicts).toHaveLength(1);
      expect(['lost', 'lost-confirmed']).toContain(key.verdicts[0]);
    }),
  );
});

test('a value never written is found out', () => {
  fc.assert(
    fc.property(anyOutcomes, fc.integer({ min: 1, max: 1000 }), (story, beyond) => {
      const key = new Story();
      for (const outcome of story) key.write(outcome);
      key.stored = story.length + beyond;
      expect(key.read()).toBe('wrong');
    }),
  );
});

test('a loss against a confirmed write is told apart from a loss against an acknowledged one', () => {
  const key = new Story();
  key.write('confirmed');
  key.write('acknowledged');
  key.stored = 1;
  expect(key.read()).toBe('lost');
  key.stored = null;
  expect(key.read()).toBe('lost-confirmed');
});

test('one loss is counted once: what was seen is the new base', () => {
  const key = new Story();
  for (let i = 0; i < 5; i++) key.write('confirmed');
  key.stored = 3;
  expect(key.read()).toBe('lost-confirmed');
  expect(key.read()).toBe('right');
  key.write('acknowledged');
  expect(key.read()).toBe('right');
});

test('a refused write that shows all the same is wrong', () => {
  const key = new Story();
  key.write('acknowledged');
  key.write('refused');
  key.stored = 2;
  expect(key.read()).toBe('wrong');
});

test('a write that the client sent twice may see itself', () => {
  const history = new KeyHistory();
  const version = history.issue();
  expect(history.observe(version)).toBe('right');
  history.acknowledge(false);
  expect(history.lastAcknowledged).toBe(1);
});

test('after any number of unanswered writes any of them may show, and nothing beyond them', () => {
  const history = new KeyHistory();
  for (let i = 0; i < 10_000; i++) {
    history.issue();
    history.leaveIndeterminate();
  }
  expect(history.observe(7)).toBe('right');
  expect(history.observe(10_000)).toBe('right');
  expect(history.observe(10_001)).toBe('wrong');
});
