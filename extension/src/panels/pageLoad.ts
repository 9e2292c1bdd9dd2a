/** What a panel's page says when its files did not come. The panel's own messages have other types. */
export const NOT_LOADED = 'page-not-loaded';

/** True for that message, whoever else looks at it. */
export const saysNotLoaded = (raw: unknown): boolean =>
  typeof raw === 'object' && raw !== null && 'type' in raw && raw.type === NOT_LOADED;

/**
 * Runs first in a panel's page. In a browser all webviews share one service worker's scope, and each replaces the worker of
 * the others: a page that loads meanwhile gets neither its script nor its styles, or the answer goes to the wrong worker and
 * they hang for half a minute; VS Code leaves it blank. It says so, at once or after `patienceMs`.
 */
export const pageLoadScript = (patienceMs: number): string => `(() => {
  const api = acquireVsCodeApi();
  globalThis.acquireVsCodeApi = () => api;
  let said = false;
  const say = () => {
    if (said) return;
    said = true;
    clearTimeout(patience);
    api.postMessage({ type: '${NOT_LOADED}' });
    const tell = () => {
      const app = document.getElementById('app');
      if (app?.hasChildNodes() === false)
        app.textContent = 'The files of this panel did not come. It is loaded again; if this stays, run "Developer: Reload Window".';
    };
    addEventListener('DOMContentLoaded', tell);
    tell();
  };
  const patience = setTimeout(say, ${patienceMs});
  addEventListener('load', () => clearTimeout(patience));
  addEventListener('error', ({ target }) => {
    if (target instanceof HTMLScriptElement || target instanceof HTMLLinkElement) say();
  }, true);
})();`;

/** How long to wait before a page is loaded again, by how often it was in vain, in milliseconds; then it is left as it is. */
const DELAYS_MS = [100, 300, 1000, 3000, 10_000, 30_000];

/** How long a page's files may take at first; twice as long each time it is loaded again, for a slow connection. */
const PATIENCE_MS = 8000;

/** Loads a page again that says that its files did not come. */
export class PageLoader {
  readonly #load: (patienceMs: number) => void;
  #inVain = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param load shows the page, which is to say after so many milliseconds that its files have not come. */
  constructor(load: (patienceMs: number) => void) {
    this.#load = load;
    load(PATIENCE_MS);
  }

  /** Takes every message of the page: one of another kind says that it works. */
  receive(raw: unknown): void {
    if (!saysNotLoaded(raw)) {
      this.#inVain = 0;
      return;
    }
    const delay = DELAYS_MS[this.#inVain];
    if (delay === undefined || this.#timer !== undefined) return;
    this.#inVain += 1;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#load(PATIENCE_MS * 2 ** this.#inVain);
    }, delay);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}
