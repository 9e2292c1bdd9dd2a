/** Runs one at a time and only the newest: a held key asks for more places than anybody sees. */
export class Latest<Input> {
  readonly #run: (input: Input) => Promise<void>;
  #waiting: { input: Input } | null = null;
  #busy = false;
  #idle: Promise<void> = Promise.resolve();

  constructor(run: (input: Input) => Promise<void>) {
    this.#run = run;
  }

  ask(input: Input): void {
    this.#waiting = { input };
    if (!this.#busy) this.#idle = this.#go();
  }

  /** Waits until what was asked for last is there. */
  settled(): Promise<void> {
    return this.#idle;
  }

  async #go(): Promise<void> {
    this.#busy = true;
    while (this.#waiting !== null) {
      const { input } = this.#waiting;
      this.#waiting = null;
      try {
        await this.#run(input);
      } catch {
        // What is shown stays; the next place is asked for anew.
      }
    }
    this.#busy = false;
  }
}
