import { expect, test } from 'vitest';
import { Failover } from './failover.ts';

const BEHIND = { host: '10.0.0.1', port: 7001, hasCaughtUp: false };
const LEVEL = { host: '10.0.0.2', port: 7002, hasCaughtUp: true };

test('without replicas, twice at once, or to a stranger it is refused', () => {
  const failover = new Failover();
  expect(failover.begin({ target: null, force: false, deadlineMs: 0 }, [])).toContain('requires connected replicas');
  expect(failover.begin({ target: { host: 'x', port: 1 }, force: false, deadlineMs: 0 }, [LEVEL])).toContain(
    'is not a replica',
  );
  expect(failover.begin({ target: null, force: false, deadlineMs: 0 }, [BEHIND])).toBe(null);
  expect(failover.begin({ target: null, force: false, deadlineMs: 0 }, [BEHIND])).toContain('already in progress');
});

test('the first replica that has caught up takes over', () => {
  const failover = new Failover();
  failover.begin({ target: null, force: false, deadlineMs: 0 }, [BEHIND, LEVEL]);
  expect(failover.look([BEHIND], 10)).toEqual({ kind: 'wait' });
  expect(failover.look([BEHIND, LEVEL], 20)).toEqual({ kind: 'hand-over', target: { host: '10.0.0.2', port: 7002 } });
  failover.handingOver();
  expect([failover.state, failover.look([LEVEL], 30)]).toEqual(['failover-in-progress', { kind: 'wait' }]);
  failover.end();
  expect(failover.state).toBe('no-failover');
});

test('a target is waited for whoever else is ready, and forced when its time is up', () => {
  const target = { host: BEHIND.host, port: BEHIND.port };
  const patient = new Failover();
  patient.begin({ target, force: true, deadlineMs: 100 }, [BEHIND, LEVEL]);
  expect(patient.look([BEHIND, LEVEL], 99)).toEqual({ kind: 'wait' });
  expect(patient.look([BEHIND, LEVEL], 100)).toEqual({ kind: 'hand-over', target });
  const strict = new Failover();
  strict.begin({ target, force: false, deadlineMs: 100 }, [BEHIND, LEVEL]);
  expect(strict.look([BEHIND, LEVEL], 100).kind).toBe('give-up');
});
