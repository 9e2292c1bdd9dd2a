/** Whether somebody watches a run: while that is so, its time limit on the hosts begins anew. */
import { RingsideError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { HostRun } from './hostRun.ts';

/** A look at the rows counts as watching for this long: panels ask several times a second while they are seen. */
const LOOK_MS = 5_000;
/** A renewal is on its way well before the time is over, and not more often than this. */
const LEAST_MS = 500;
const MOST_MS = 60_000;

export class Attention {
  private lookedAt = performance.now();
  private renewedAt = performance.now();

  constructor(
    /** Somebody waits for the run as long as it lives. */
    private readonly attended: boolean,
    private readonly log: Log,
  ) {}

  /** Somebody has looked at the run's rows. */
  look(): void {
    this.lookedAt = performance.now();
  }

  /** To be called once a second while the run is attached. */
  async renew(hostRuns: readonly HostRun[], now = performance.now()): Promise<void> {
    const watched = this.attended || now - this.lookedAt < LOOK_MS;
    const seconds = Math.min(...hostRuns.map((h) => h.limits?.timeSeconds || Infinity));
    const every = Math.min(Math.max((seconds * 1_000) / 4, LEAST_MS), MOST_MS);
    if (!watched || seconds === Infinity || now - this.renewedAt < every) return;
    this.renewedAt = now;
    await Promise.all(hostRuns.map((h) => this.renewOn(h)));
  }

  private async renewOn(host: HostRun): Promise<void> {
    if (host.limits === null || host.gone) return;
    try {
      await host.setLimits(host.limits);
    } catch (error) {
      this.log.debug(`${host.name}: the run's time could not be renewed: ${RingsideError.from(error).message}`);
    }
  }
}
