/** Something that takes a while and that several callers want: one attempt for all of them. */
import { RingsideError, throwIfAborted } from '../errors.ts';
import type { CallOptions } from '../progress.ts';

export class SharedAttempt<T> {
  private waiters = 0;
  private readonly abort = new AbortController();
  private readonly promise: Promise<T>;

  /** Begins at once. `progress` is the first caller's. */
  constructor(work: (call: CallOptions & { signal: AbortSignal }) => Promise<T>, progress?: CallOptions['progress']) {
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
