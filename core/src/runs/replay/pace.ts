/** When what was recorded is due, at a multiple of its own time. */
export interface PaceClock {
  /** Milliseconds, never going back. */
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

/** Longest sleep at once, so that a replay that is given up ends soon. */
const NAP_MS = 200;
/** What is due within so much is due. */
const CLOSE_MS = 1;

const realClock: PaceClock = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

export class Pace {
  private first: { recorded: bigint; now: number } | undefined;

  /** `speed`: 2 = twice as fast as it came; null = at once. `over`: nothing more is to be played. */
  constructor(
    private readonly speed: number | null,
    private readonly over: () => boolean,
    private readonly clock = realClock,
  ) {}

  /** Waits until it is time for what came at `timeNs`; the first that is asked for is due now. */
  async wait(timeNs: bigint): Promise<void> {
    if (this.speed === null) return;
    this.first ??= { recorded: timeNs, now: this.clock.now() };
    const due = this.first.now + Number(timeNs - this.first.recorded) / 1e6 / this.speed;
    for (let left = due - this.clock.now(); left > CLOSE_MS && !this.over(); left = due - this.clock.now())
      await this.clock.sleep(Math.min(left, NAP_MS));
  }
}
