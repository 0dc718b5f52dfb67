/**
 * The end of a node, by SHUTDOWN or by a signal: what must be saved is saved first, and where that fails the node goes on unless it is
 * forced; then the parts stop, and the process ends. Source: Valkey 9.1 server.c prepareForShutdown, finishShutdown.
 */
import type { ShutdownWish } from '../commands/rooms.ts';
import type { Node } from '../node.ts';

const ERR_SHUTDOWN = 'ERR Errors trying to SHUTDOWN. Check logs.';

export class Shutdown {
  private readonly node: Node;
  private readonly end: (code: number) => void;
  private underWay: Promise<string | null> | null = null;
  /** A signal's wish waits for the next tick: SHUTDOWN ABORT may take it back until then. */
  private signalled: ShutdownWish | null = null;

  constructor(node: Node, end: (code: number) => void) {
    this.node = node;
    this.end = end;
  }

  /** A second SIGINT ends the process at once. */
  signal(wish: ShutdownWish, insists: boolean): void {
    if (insists && (this.underWay !== null || this.signalled !== null)) {
      this.node.log('warning', 'You insist... exiting now.');
      for (const part of this.node.parts) part.abandon?.();
      this.end(1);
      return;
    }
    // Before the first tick nothing is there that could be taken back.
    if (this.node.ticking) this.signalled = wish;
    else void this.begin(wish);
  }

  tick(): void {
    const wish = this.signalled;
    this.signalled = null;
    if (wish !== null) void this.begin(wish);
  }

  /** Calls `failed` with the error when the node goes on. */
  request(wish: ShutdownWish, failed: (problem: string) => void): void {
    void this.begin(wish).then((problem) => {
      if (problem !== null) failed(problem);
    });
  }

  /** Returns the error or null. */
  abort(): string | null {
    if (this.signalled === null)
      return this.underWay === null ? 'ERR No shutdown in progress.' : 'ERR The shutdown can no longer be stopped.';
    this.signalled = null;
    this.node.log('notice', 'Shutdown manually aborted.');
    return null;
  }

  /** Resolves to the error when the node goes on; else the process ends. Called twice, the first call goes on. */
  begin(wish: ShutdownWish): Promise<string | null> {
    this.underWay ??= this.run(wish);
    return this.underWay;
  }

  private async run({ save, force }: ShutdownWish): Promise<string | null> {
    const { node } = this;
    node.log('notice', 'User requested shutdown...');
    let code = 0;
    for (const part of node.parts) {
      const problem = (await part.beforeStop?.(save)) ?? null;
      if (problem === null) continue;
      node.log('warning', `Error trying to save the DB, ${force ? 'exit anyway' : "can't exit"}: ${problem}`);
      if (!force) {
        this.underWay = null;
        return ERR_SHUTDOWN;
      }
      code = 1;
    }
    for (const part of [...node.parts].reverse()) {
      try {
        await part.stop?.(save);
      } catch (problem) {
        code = 1;
        node.log('warning', `Shutting down: ${problem instanceof Error ? problem.message : String(problem)}`);
      }
    }
    node.log('notice', 'keyherd-server is now ready to exit, bye bye...');
    this.end(code);
    return null;
  }
}
