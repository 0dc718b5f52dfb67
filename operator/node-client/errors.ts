/**
 * What can go wrong with a call to a node, as types a caller can tell apart:
 * the node was not there, it did not answer in time, it answered with an error, or it answered with rubbish.
 * None of them ever carries a password: the text of a call is its command's name only.
 */

/** No connection could be made, or it closed before the answer came: whether the command ran is unknown. */
export class NodeUnreachable extends Error {
  override readonly name = 'NodeUnreachable';
  readonly address: string;

  constructor(address: string, reason: string) {
    super(`${address}: unreachable: ${reason}`);
    this.address = address;
  }
}

/** The node did not answer in time: whether the command ran, or still will, is unknown. */
export class NodeTimeout extends Error {
  override readonly name = 'NodeTimeout';
  readonly address: string;
  readonly what: string;
  readonly timeoutMs: number;

  constructor(address: string, what: string, timeoutMs: number) {
    super(`${address}: no answer to ${what} within ${timeoutMs} ms`);
    this.address = address;
    this.what = what;
    this.timeoutMs = timeoutMs;
  }
}

/** The node refused the command. `code` is the first word of its reply: ERR, NOAUTH, LOADING, CLUSTERDOWN and so on. */
export class NodeError extends Error {
  override readonly name = 'NodeError';
  readonly address: string;
  readonly command: string;
  readonly code: string;
  /** The reply's text without its code. */
  readonly detail: string;

  constructor(address: string, command: string, reply: string) {
    super(`${address}: ${command}: ${reply}`);
    this.address = address;
    this.command = command;
    const space = reply.indexOf(' ');
    this.code = space < 0 ? reply : reply.slice(0, space);
    this.detail = space < 0 ? '' : reply.slice(space + 1);
  }
}

/** What came back is not a reply of this protocol, not of the expected shape, or larger than the client accepts. */
export class NodeProtocolError extends Error {
  override readonly name = 'NodeProtocolError';
  readonly address: string;

  constructor(address: string, reason: string) {
    super(`${address}: ${reason}`);
    this.address = address;
  }
}

export type NodeClientError = NodeUnreachable | NodeTimeout | NodeError | NodeProtocolError;

export function isNodeClientError(error: unknown): error is NodeClientError {
  return (
    error instanceof NodeUnreachable ||
    error instanceof NodeTimeout ||
    error instanceof NodeError ||
    error instanceof NodeProtocolError
  );
}
