/** A time limit that does not run while a person thinks. */
import type { Prompter } from '../prompt.ts';

/** Fires once after `ms` without `touch()`; stands still while a question of the wrapped prompter is open. */
export class IdleTimer {
  #timer: NodeJS.Timeout | undefined;
  #open = 0;
  #stopped = false;

  constructor(
    private readonly ms: number,
    private readonly onIdle: () => void,
  ) {
    this.touch();
  }

  touch(): void {
    clearTimeout(this.#timer);
    if (this.#stopped || this.#open > 0) return;
    this.#timer = setTimeout(() => {
      this.#stopped = true;
      this.onIdle();
    }, this.ms);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #paused<T>(answer: Promise<T>): Promise<T> {
    this.#open++;
    clearTimeout(this.#timer);
    try {
      return await answer;
    } finally {
      this.#open--;
      this.touch();
    }
  }

  /** The same prompter, with this timer stopped while it waits for an answer. */
  wrap(prompter: Prompter): Prompter {
    return {
      confirmHostKey: (question, signal) => this.#paused(prompter.confirmHostKey(question, signal)),
      secret: (question, signal) => this.#paused(prompter.secret(question, signal)),
    };
  }
}
