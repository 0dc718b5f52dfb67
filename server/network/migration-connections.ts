/**
 * Client connections from the source of a slot migration to its targets, one a job.
 * What is said on them is server/cluster/migration's business.
 */
import { connect, type Socket } from 'node:net';
import type { TargetConnections } from '../cluster/migration/ports.ts';

/** A target that does not answer the connection within this fails the migration. */
const CONNECT_TIMEOUT_MS = 10_000;

export interface MigrationEvents {
  onTargetUp(job: string): void;
  onTargetDown(job: string, reason: string): void;
  onTargetBytes(job: string, bytes: Uint8Array): void;
  onTargetDrained(job: string): void;
}

export class MigrationConnections implements TargetConnections {
  private readonly events: MigrationEvents;
  private readonly sockets = new Map<string, Socket>();

  constructor(events: MigrationEvents) {
    this.events = events;
  }

  connect(job: string, host: string, port: number): void {
    let reason = 'closed by the target';
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    this.sockets.set(job, socket);
    const giveUp = setTimeout(() => {
      reason = `no connection to ${host}:${port} within ${CONNECT_TIMEOUT_MS} ms`;
      socket.destroy();
    }, CONNECT_TIMEOUT_MS);
    const mine = (): boolean => this.sockets.get(job) === socket;
    socket.once('connect', () => {
      clearTimeout(giveUp);
      if (mine()) this.events.onTargetUp(job);
    });
    socket.on('data', (chunk: Uint8Array) => {
      if (mine()) this.events.onTargetBytes(job, Uint8Array.from(chunk));
    });
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.once('close', () => {
      clearTimeout(giveUp);
      if (!mine()) return;
      this.sockets.delete(job);
      this.events.onTargetDown(job, reason);
    });
  }

  send(job: string, bytes: Uint8Array): void {
    const socket = this.sockets.get(job);
    // Each piece tells when the kernel has it: the next ones are sent then.
    if (socket?.writable)
      socket.write(bytes, () => this.sockets.get(job) === socket && this.events.onTargetDrained(job));
  }

  unsentBytes(job: string): number {
    return this.sockets.get(job)?.writableLength ?? 0;
  }

  close(job: string): void {
    const socket = this.sockets.get(job);
    if (socket === undefined) return;
    this.sockets.delete(job);
    // What was sent last (FAILOVER-GRANTED, a final message) still leaves.
    socket.destroySoon();
  }

  closeAll(): void {
    for (const job of [...this.sockets.keys()]) this.close(job);
  }
}
