import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { captured } from '../cluster/bus-codec.fixtures.ts';
import { BusTransport } from './bus.ts';

interface Seen {
  readonly events: string[];
  readonly packets: Uint8Array[];
  readonly transport: BusTransport;
  /** Resolves at the next event. */
  next(): Promise<void>;
}

const open: BusTransport[] = [];

function transport(): Seen {
  const events: string[] = [];
  const packets: Uint8Array[] = [];
  let wake = (): void => {};
  const record = (text: string): void => {
    events.push(text);
    wake();
  };
  const made = new BusTransport(
    {
      onLinkAccepted: (id, peer, own) => record(`accepted ${id} ${peer} ${own}`),
      onLinkUp: (id, peer, own) => record(`up ${id} ${peer} ${own}`),
      onLinkDown: (id, reason) => record(`down ${id} ${reason}`),
      onPacket: (id, packet) => {
        packets.push(packet);
        record(`packet ${id} ${packet.length}`);
      },
    },
    { keepAliveMs: 1000 },
  );
  open.push(made);
  return { events, packets, transport: made, next: () => new Promise((resolve) => (wake = resolve)) };
}

async function until(seen: Seen, condition: () => boolean): Promise<void> {
  while (!condition()) await seen.next();
}

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const PORT = 27690;

test('a packet sent before the link is up arrives whole, with both addresses known', async () => {
  const server = transport();
  const client = transport();
  await server.transport.listen('127.0.0.1', PORT);
  const packet = captured('pingClient');
  const link = client.transport.connect('127.0.0.1', PORT);
  client.transport.send(link, packet);
  await until(server, () => server.packets.length === 1);
  expect(server.packets[0]).toEqual(packet);
  expect(server.packets[0]!.constructor).toBe(Uint8Array);
  expect(server.events[0]).toMatch(/^accepted \d+ 127\.0\.0\.1 127\.0\.0\.1$/);
  expect(client.events[0]).toBe(`up ${link} 127.0.0.1 127.0.0.1`);
});

test('packets are cut where they end, whatever the pieces are', async () => {
  const server = transport();
  await server.transport.listen('127.0.0.1', PORT);
  const both = Buffer.concat([captured('pingClient'), captured('publishLight'), captured('fail')]);
  const socket = connect({ port: PORT, host: '127.0.0.1', noDelay: true });
  for (const byte of [both.subarray(0, 1), both.subarray(1, 3000), both.subarray(3000)]) {
    await new Promise((resolve) => socket.write(byte, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(server, () => server.packets.length === 3);
  expect(Buffer.concat(server.packets)).toEqual(both);
  socket.destroy();
});

test('a refused connection and a peer that closes are events; a link closed here is none', async () => {
  const client = transport();
  const refused = client.transport.connect('127.0.0.1', PORT);
  await until(client, () => client.events.length === 1);
  expect(client.events[0]).toContain(`down ${refused}`);
  const server = transport();
  await server.transport.listen('127.0.0.1', PORT);
  const link = client.transport.connect('127.0.0.1', PORT);
  await until(server, () => server.events.length === 1);
  client.transport.closeLink(link);
  await until(server, () => server.events.length === 2);
  expect(server.events[1]).toContain('closed by the peer');
  expect(client.events.filter((event) => event.startsWith(`down ${link}`))).toEqual([]);
});

test('what is no packet closes the link', async () => {
  const server = transport();
  await server.transport.listen('127.0.0.1', PORT);
  const socket = connect({ port: PORT, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await until(server, () => server.events.length === 2);
  expect(server.events[1]).toContain('bad packet: the first four bytes are not "RCmb"');
});

test('a port that is taken is a clear error', async () => {
  const one = transport();
  await one.transport.listen('127.0.0.1', PORT);
  await expect(transport().transport.listen('127.0.0.1', PORT)).rejects.toThrow(
    `cluster bus: cannot listen on 127.0.0.1:${PORT}`,
  );
});
