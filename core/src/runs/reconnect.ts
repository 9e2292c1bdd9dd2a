/** Coming back to a host that was lost: later and later, never all clients at once, and not after a refusal. */
import { RingsideError, type ErrorCode } from '../errors.ts';

/** What passes by itself: a network that is away, a laptop that slept, a host that boots. */
const passing: readonly ErrorCode[] = [
  'host-unreachable',
  'host-timeout',
  'host-unknown',
  'host-lost',
  'ssh-transport',
];

/** Whether it is worth trying again; a refused login or an unknown key is not, and repeated ones get addresses banned. */
export function mayPass(error: RingsideError): boolean {
  return passing.includes(error.code);
}

export interface ReconnectTimes {
  firstMs: number;
  mostMs: number;
  /** After so long nobody expects it any more. */
  giveUpMs: number;
}

export const reconnectTimes: ReconnectTimes = { firstMs: 1000, mostMs: 60_000, giveUpMs: 12 * 60 * 60 * 1000 };

/** The wait before the attempt with this number (from 0): doubled each time up to the most, give or take a quarter. */
export function waitBefore(attempt: number, times: ReconnectTimes, random: number): number {
  const wait = Math.min(times.mostMs, times.firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(wait * (0.75 + random / 2));
}

/** Tries until it succeeds, is stopped, or what comes back is no passing failure. */
export class Reconnect {
  #timer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #stopped = false;
  readonly #begin = Date.now();

  constructor(
    private readonly attempt: () => Promise<unknown>,
    /** It is over without success; the error says why. */
    private readonly onGivenUp: (error: RingsideError) => void,
    private readonly times: ReconnectTimes = reconnectTimes,
    private readonly random: () => number = Math.random,
  ) {
    this.#next();
  }

  #next(): void {
    this.#timer = setTimeout(() => void this.#try(), waitBefore(this.#attempt++, this.times, this.random()));
    // It must not keep a program alive that has nothing else to do.
    this.#timer.unref();
  }

  async #try(): Promise<void> {
    try {
      await this.attempt();
      this.#stopped = true;
    } catch (thrown) {
      if (this.#stopped) return;
      const error = RingsideError.from(thrown);
      if (mayPass(error) && Date.now() - this.#begin < this.times.giveUpMs) {
        this.#next();
        return;
      }
      this.#stopped = true;
      this.onGivenUp(error);
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
