/** A VS Code that passes what the page says to whoever opened it (`window.toHost`), for the explorer in a browser. */
import { applyTheme, type DevTheme } from '../trace/devThemes.ts';

declare global {
  interface Window {
    toHost?: (raw: string) => Promise<void>;
  }
}

let kept: unknown;
Object.assign(window, {
  dev: { theme: applyTheme },
  acquireVsCodeApi: () => ({
    postMessage: (message: unknown) => void window.toHost?.(JSON.stringify(message)),
    getState: () => kept,
    setState: (state: unknown) => (kept = state),
  }),
});
applyTheme((new URLSearchParams(location.search).get('theme') ?? 'dark') as DevTheme);
