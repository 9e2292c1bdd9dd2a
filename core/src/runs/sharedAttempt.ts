/** Something that takes a while and that several callers want: one attempt for all of them. */
import { RingsideError, throwIfAborted } from '../errors.ts';
import type { CallOptions } from '../progress.ts';

type Work<T> = (call: CallOptions & { signal: AbortSignal }) => Promise<T>;

export class SharedAttempt<T> {
  private waiters = 0;
  private readonly abort = new AbortController();
  private readonly promise: Promise<T>;

  /** Begins at once. `progress` is the first caller's. */
  constructor(work: Work<T>, progress?: CallOptions['progress']) {
    this.promise = work({ signal: this.abort.signal, ...(progress && { progress }) });
    this.promise.catch(() => undefined);
  }

  /** The result; the attempt is given up when the last of those who wait for it has cancelled. */
  join(signal?: AbortSignal): Promise<T> {
    throwIfAborted(signal);
    this.waiters++;
    return new Promise<T>((resolve, reject) => {
      const leave = (): void => {
        if (--this.waiters === 0) this.abort.abort();
        else reject(new RingsideError('cancelled', 'Cancelled.'));
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.promise.then(resolve, reject).finally(() => signal?.removeEventListener('abort', leave));
    });
  }

  /** Nobody waited for it any more: it comes to nothing, and who wants the same needs another attempt. */
  get givenUp(): boolean {
    return this.abort.signal.aborted;
  }

  /** When it is over, however it went. */
  async ended(): Promise<void> {
    await this.promise.then(
      () => undefined,
      () => undefined,
    );
  }

  /** Gives it up, whoever waits. */
  cancel(): void {
    this.abort.abort();
  }

  /** Calls back when the attempt is over, however it went. */
  onEnd(listener: () => void): void {
    this.promise.then(listener, listener);
  }
}

/** One attempt at a time; who comes when it was given up does not share in its end, and gets another one. */
export class AttemptSlot<T> {
  private attempt: SharedAttempt<T> | undefined;

  /** The attempt under way, also one that was given up and is on its way out. */
  get present(): SharedAttempt<T> | undefined {
    return this.attempt;
  }

  /** The attempt under way, or a new one, which begins when the one that was given up has ended. */
  share(work: Work<T>, progress?: CallOptions['progress']): SharedAttempt<T> {
    const before = this.attempt;
    if (before && !before.givenUp) return before;
    const attempt = new SharedAttempt<T>(async (call) => {
      if (before) await before.ended();
      throwIfAborted(call.signal);
      return work(call);
    }, progress);
    this.attempt = attempt;
    attempt.onEnd(() => {
      if (this.attempt === attempt) this.attempt = undefined;
    });
    return attempt;
  }

  /** Gives the present one up, whoever waits; the next begins without regard to its end. */
  drop(): void {
    this.attempt?.cancel();
    this.attempt = undefined;
  }
}
