/** Speaks state changes to screen readers through one polite live region; repeats and floods are held back. */
export class Announcer {
  readonly #region: HTMLElement;
  readonly #delayMs: number;
  #waiting: string | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** @param delayMs messages closer together than this are merged: only the last one is spoken. */
  constructor(region: HTMLElement, delayMs = 400) {
    this.#region = region;
    this.#delayMs = delayMs;
    region.setAttribute('role', 'status');
    region.setAttribute('aria-live', 'polite');
  }

  say(message: string): void {
    this.#waiting = message;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      if (this.#waiting === null) return;
      // A region whose text does not change is not read again, so the same message twice needs a different text.
      const text = this.#waiting;
      this.#region.textContent = this.#region.textContent === text ? `${text}\u00a0` : text;
      this.#waiting = null;
    }, this.#delayMs);
  }

  dispose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
