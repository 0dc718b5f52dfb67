/**
 * Bytes and events of a node's network and event loop since its start, and their rates of the last seconds. Hot file: counting
 * allocates nothing.
 */

/** Samples that a rate is the mean of: taken on ticks, so about a second and a half. */
const RATE_SAMPLES = 16;

/** How fast a growing total grows. */
export class Rate {
  private readonly samples: Float64Array = new Float64Array(RATE_SAMPLES);
  private next = 0;
  private lastTotal = 0;

  sample(total: number, elapsedMs: number): void {
    this.samples[this.next] = ((total - this.lastTotal) * 1000) / elapsedMs;
    this.next = (this.next + 1) % RATE_SAMPLES;
    this.lastTotal = total;
  }

  get perSecond(): number {
    let sum = 0;
    for (let i = 0; i < RATE_SAMPLES; i++) sum += this.samples[i]!;
    return sum / RATE_SAMPLES;
  }

  /** The total begins anew. */
  reset(): void {
    this.samples.fill(0);
    this.lastTotal = 0;
  }
}

export class Traffic {
  inputBytes = 0;
  outputBytes = 0;
  reads = 0;
  writes = 0;
  /** Streams of replication, as replica and as primary. */
  replicationInputBytes = 0;
  replicationOutputBytes = 0;
  /** Turns of the event loop that brought requests, and the microseconds that they took. */
  cycles = 0;
  cycleMicros = 0;
  /** The longest of them, and the most commands in one. */
  longestCycleMicros = 0;
  mostCommandsInCycle = 0;
  /** Microseconds of ticks, and of handing the log of writes to its file. */
  tickMicros = 0;
  appendMicros = 0;
  private readonly rates = {
    commands: new Rate(),
    input: new Rate(),
    output: new Rate(),
    replicationInput: new Rate(),
    replicationOutput: new Rate(),
    cycles: new Rate(),
    cycleMicros: new Rate(),
  };
  private cycleBegan: Float64Array = new Float64Array(1);
  private commandsBefore = 0;

  /** Something arrived: a cycle begins, unless one is under way. `commands`: how many ran since the start. */
  beginCycle(nowMicros: number, commands: number): void {
    if (this.cycleBegan[0] !== 0) return;
    this.cycleBegan[0] = nowMicros;
    this.commandsBefore = commands;
  }

  endCycle(nowMicros: number, commands: number): void {
    if (this.cycleBegan[0] === 0) return;
    const micros = nowMicros - this.cycleBegan[0]!;
    this.cycles++;
    this.cycleMicros += micros;
    this.longestCycleMicros = Math.max(this.longestCycleMicros, micros);
    this.mostCommandsInCycle = Math.max(this.mostCommandsInCycle, commands - this.commandsBefore);
    this.cycleBegan[0] = 0;
  }

  /** A tick: `elapsedMs` since the last one, and how many commands ran since the start. */
  tick(elapsedMs: number, commands: number): void {
    if (elapsedMs <= 0) return;
    const { rates } = this;
    rates.commands.sample(commands, elapsedMs);
    rates.input.sample(this.inputBytes, elapsedMs);
    rates.output.sample(this.outputBytes, elapsedMs);
    rates.replicationInput.sample(this.replicationInputBytes, elapsedMs);
    rates.replicationOutput.sample(this.replicationOutputBytes, elapsedMs);
    rates.cycles.sample(this.cycles, elapsedMs);
    rates.cycleMicros.sample(this.cycleMicros, elapsedMs);
  }

  get commandsPerSecond(): number {
    return this.rates.commands.perSecond;
  }

  /** In KiB a second, as INFO gives them. */
  get kilobytesPerSecond(): { input: number; output: number; replicationInput: number; replicationOutput: number } {
    const { input, output, replicationInput, replicationOutput } = this.rates;
    return {
      input: input.perSecond / 1024,
      output: output.perSecond / 1024,
      replicationInput: replicationInput.perSecond / 1024,
      replicationOutput: replicationOutput.perSecond / 1024,
    };
  }

  get cyclesPerSecond(): number {
    return this.rates.cycles.perSecond;
  }

  /** Mean duration of the cycles of the last seconds, in microseconds. */
  get microsPerCycle(): number {
    const cycles = this.rates.cycles.perSecond;
    return cycles === 0 ? 0 : this.rates.cycleMicros.perSecond / cycles;
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.inputBytes = 0;
    this.outputBytes = 0;
    this.reads = 0;
    this.writes = 0;
    this.replicationInputBytes = 0;
    this.replicationOutputBytes = 0;
    this.cycles = 0;
    this.cycleMicros = 0;
    this.longestCycleMicros = 0;
    this.mostCommandsInCycle = 0;
    this.tickMicros = 0;
    this.appendMicros = 0;
    for (const rate of Object.values(this.rates)) rate.reset();
  }
}
