/** Pods that go: each in its turn, one politely, one without a word, and all at once. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Scenario } from './scenario.ts';
import { CLUSTER_NAME, expect, figures, longestGapMs } from './stage.ts';

/** The checker's first writes come before the mischief. */
const SETTLE_MS = 3_000;

/** Six pods, one after another, each with its volume to load and a full synchronisation to make. */
const ROLL_LIMIT_MS = 300_000;

export const failures: readonly Scenario[] = [
  {
    name: 'roll',
    asserted: 'other resources reach every pod, one after another, primaries last; lost 0, wrong 0, no gap of 1 s',
    async run(stage) {
      await stage.ready();
      const before = new Set((await stage.pods()).map((pod) => pod.metadata.uid));
      let seconds = 0;
      const report = await stage.underLoad({}, async () => {
        await stage.patch({ resources: { requests: { cpu: '40m' } } });
        seconds = await stage.ready(ROLL_LIMIT_MS);
      });
      const pods = await stage.pods();
      const kept = pods.filter((pod) => before.has(pod.metadata.uid)).map((pod) => pod.metadata.name);
      expect(kept.length === 0, `${kept.join(', ')} still run with the former resources`);
      expect(longestGapMs(report) < 1_000, `a gap of ${longestGapMs(report)} ms`);
      return `${pods.length} pods in ${seconds.toFixed(1)} s; ${figures(report)}`;
    },
  },
  {
    name: 'primary-deleted',
    asserted: "a primary's pod deleted gracefully: its replica takes over within 1 s; lost 0, wrong 0",
    async run(stage) {
      await stage.ready();
      const primary = await stage.primaryOf(0);
      const report = await stage.underLoad({}, async () => {
        await sleep(SETTLE_MS);
        await stage.kubectl.run(['delete', 'pod', primary, '--wait=false']);
        await sleep(SETTLE_MS);
        await stage.ready();
      });
      expect((await stage.primaryOf(0)) !== primary, `${primary} is still the primary`);
      expect(longestGapMs(report) < 1_000, `a gap of ${longestGapMs(report)} ms`);
      return figures(report);
    },
  },
  {
    name: 'primary-killed',
    asserted: 'a primary killed with SIGKILL: lost 0 of what WAIT 1 confirmed, served again within 5 s',
    async run(stage) {
      await stage.ready();
      const primary = await stage.primaryOf(1);
      const report = await stage.underLoad({ wait: 1, atLeast: 60 }, async () => {
        await sleep(SETTLE_MS);
        await stage.kill(primary);
        await sleep(SETTLE_MS);
        await stage.ready();
      });
      expect(longestGapMs(report) < 5_000, `a gap of ${longestGapMs(report)} ms`);
      return figures(report);
    },
  },
  {
    name: 'primary-forced',
    asserted: "a primary's pod deleted by force: lost 0 of what WAIT 1 confirmed, served again within 5 s",
    async run(stage) {
      await stage.ready();
      const primary = await stage.primaryOf(2);
      const report = await stage.underLoad({ wait: 1, atLeast: 60 }, async () => {
        await sleep(SETTLE_MS);
        await stage.kubectl.run(['delete', 'pod', primary, '--grace-period=0', '--force']);
        await sleep(SETTLE_MS);
        await stage.ready();
      });
      expect(longestGapMs(report) < 5_000, `a gap of ${longestGapMs(report)} ms`);
      return figures(report);
    },
  },
  {
    name: 'all-deleted',
    asserted: 'all pods deleted at once, gracefully, with persistence: all come back with their data; lost 0, wrong 0',
    async run(stage) {
      await stage.ready();
      let seconds = 0;
      // While nothing runs nothing is acknowledged: what counts is that nothing acknowledged is missing afterwards.
      const report = await stage.underLoad({ atLeast: 10 }, async () => {
        await sleep(SETTLE_MS);
        await stage.kubectl.run(['delete', 'pods', '-l', `keyherd.dev/cluster=${CLUSTER_NAME}`, '--wait=false']);
        await sleep(SETTLE_MS);
        seconds = await stage.ready();
      });
      return `Ready again after ${(seconds + SETTLE_MS / 1000).toFixed(1)} s; ${figures(report)}`;
    },
  },
];
