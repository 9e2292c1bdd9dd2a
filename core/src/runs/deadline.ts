/** When a run ends by itself, as its user wanted it; may be moved while it runs. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Deadline {
  /** ms since the epoch; null = none. */
  endsAt: number | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly reached: () => void) {}

  /** From now on so many seconds; null = no end. */
  set(seconds: number | null): void {
    this.clear();
    this.endsAt = seconds === null ? null : Date.now() + 1000 * seconds;
    if (seconds !== null) this.wait(performance.now() + 1000 * seconds);
  }

  /** By a clock that nobody sets. */
  private wait(due: number): void {
    const left = Math.max(0, due - performance.now());
    const step = (): void => (left > LONGEST_TIMER_MS ? this.wait(due) : this.reached());
    this.timer = setTimeout(step, Math.min(left, LONGEST_TIMER_MS));
  }

  clear(): void {
    clearTimeout(this.timer);
    this.endsAt = null;
  }
}
