/** Whether a person types, or waits for a verdict: work that nobody waits for is left until then. */
import type { CancellationToken } from 'vscode-languageserver';

/** After the last keystroke or verdict: longer than the way to Ctrl+S. */
const QUIET_MS = 2000;
/** A verdict that takes longer (a host that does not answer) holds nothing up any more. */
const LONGEST_MS = 30_000;

export class Calm {
  private quietFrom = 0;
  private busySince: number | null = null;

  /** Something was typed. */
  stir(): void {
    this.quietFrom = Date.now() + QUIET_MS;
  }

  /** A verdict is being waited for, or no more. */
  setBusy(busy: boolean): void {
    if (busy) this.busySince ??= Date.now();
    else if (this.busySince !== null) {
      this.busySince = null;
      this.stir();
    }
  }

  private get isReached(): boolean {
    return Date.now() >= this.quietFrom && (this.busySince === null || Date.now() >= this.busySince + LONGEST_MS);
  }

  /** Holds work up while it `isDear` and somebody waits for something else; the token ends that too. */
  async hold(isDear: () => boolean, token: CancellationToken): Promise<void> {
    while (!this.isReached && !token.isCancellationRequested && isDear()) await this.moment(token);
  }

  private moment(token: CancellationToken): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        cancelled.dispose();
        resolve();
      };
      const timer = setTimeout(end, 100);
      timer.unref();
      const cancelled = token.onCancellationRequested(end);
    });
  }
}
