import { expect, test } from 'vitest';
import { serveEndpoints } from './endpoints.ts';

test('health, readiness and metrics are answered, everything else is refused', async () => {
  let problem: string | undefined = 'the caches are not filled';
  const endpoints = await serveEndpoints({
    host: '127.0.0.1',
    port: 0,
    healthy: () => undefined,
    ready: () => problem,
    metrics: () => 'a_metric 1\n',
  });
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${endpoints.port}${path}`, { method });
    return `${response.status} ${await response.text()}`;
  };
  try {
    expect(await ask('/healthz')).toBe('200 ok\n');
    expect(await ask('/readyz')).toBe('503 the caches are not filled\n');
    problem = undefined;
    expect(await ask('/readyz?verbose')).toBe('200 ok\n');
    expect(await ask('/metrics')).toBe('200 a_metric 1\n');
    expect(await ask('/secret')).toMatch(/^404 /);
    expect(await ask('/healthz', 'POST')).toMatch(/^405 /);
  } finally {
    await endpoints.close();
  }
});
