/** What VS Code gives a webview. Available once per page load: keep the one instance. */
export interface VsCodeApi<State> {
  postMessage(message: unknown): void;
  getState(): State | undefined;
  setState(state: State): void;
}

declare global {
  function acquireVsCodeApi(): VsCodeApi<unknown>;
}

/** Takes the page's API object; State is what this panel itself once gave to setState, so still to be checked. */
export function vsCodeApi<State>(): VsCodeApi<State> {
  return acquireVsCodeApi() as VsCodeApi<State>;
}
