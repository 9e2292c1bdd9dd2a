import type { ErrorData } from '@ringside/core/model';

export type RequestFailure = 'failed' | 'timeout' | 'disposed';

/** A request that got no answer to use: the host said no (with its error), said nothing, or the panel is going away. */
export class RequestError extends Error {
  readonly why: RequestFailure;
  readonly data: ErrorData | null;

  constructor(why: RequestFailure, message: string, data: ErrorData | null = null) {
    super(message);
    this.name = 'RequestError';
    this.why = why;
    this.data = data;
  }
}

interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: RequestError) => void;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * Matches replies to requests by id. Replies to unknown ids (late, answered twice, never asked) are ignored, so the
 * order and number of messages from the host cannot confuse the panel.
 */
export class PendingRequests {
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #disposed = false;

  /** @param timeoutMs how long a request may stay unanswered. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Gives `send` a fresh id; the promise settles by `settle`, `fail`, the timeout or `dispose`. */
  request<Reply>(send: (id: number) => void): Promise<Reply> {
    if (this.#disposed) return Promise.reject(new RequestError('disposed', 'The panel is closing.'));
    const id = this.#nextId++;
    return new Promise<Reply>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new RequestError('timeout', `No answer within ${this.#timeoutMs / 1000} s.`));
      }, this.#timeoutMs);
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject, timer });
      send(id);
    });
  }

  settle(id: number, value: unknown): void {
    this.#take(id)?.resolve(value);
  }

  fail(id: number, error: ErrorData): void {
    this.#take(id)?.reject(new RequestError('failed', error.message, error));
  }

  /** Rejects what is open and everything asked later. */
  dispose(): void {
    this.#disposed = true;
    for (const id of [...this.#pending.keys()]) {
      this.#take(id)?.reject(new RequestError('disposed', 'The panel is closing.'));
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    return pending;
  }
}
