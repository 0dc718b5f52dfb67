// limits.ts: how long the bring-up waits for anything, and how much it keeps, in one table.

export const limits = {
  /** A question that a healthy program answers in under a second. */
  questionMs: 15_000,
  /** Asking a container registry for an image of a few kilobytes: longer than this is as good as unreachable. */
  registryProbeMs: 10_000,
  /** dockerd needs one second; with thousands of layers to look at, more. */
  daemonStartMs: 60_000,
  daemonStopMs: 30_000,
  /** A package manager on a slow line. */
  packagesMs: 15 * 60_000,
  /** debootstrap takes 40 s on two cores. */
  rootFileSystemMs: 20 * 60_000,
  /** The kubelet, the largest program, takes 4 minutes on two cores that do nothing else. */
  programMs: 60 * 60_000,
  /** An image of one gigabyte through a pipe. */
  imageMs: 15 * 60_000,
  /** kind takes 25 s when the node image is there, and minutes more when it pulls it. */
  createMs: 15 * 60_000,
  /** Stopped nodes need about 30 s until names and routes work again. */
  restartMs: 90_000,
  readyMs: 5 * 60_000,
  readyPollMs: 1_000,
  /** Another run that holds the lock may be building everything from nothing. */
  lockMs: 90 * 60_000,
  lockPollMs: 500,
  /** Results of a step kept beside the newest: one, so that two checkouts can take turns. */
  olderResultsKept: 1,
  /** Lines of a failed command's output that its error shows; the log has the rest. */
  shownLines: 12,
  /** Output of a command that is kept in memory. */
  outputBytes: 16 * 1024 * 1024,
  maxWorkers: 9,
} as const;
