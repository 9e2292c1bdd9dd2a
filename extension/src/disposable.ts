import type * as vscode from 'vscode';

/** A bag of disposables; what is added after its end is disposed at once instead of leaking. */
export class DisposableStore implements vscode.Disposable {
  #items: { dispose(): unknown }[] = [];
  #disposed = false;

  add<T extends { dispose(): unknown }>(item: T): T {
    if (this.#disposed) item.dispose();
    else this.#items.push(item);
    return item;
  }

  /** Adds a plain function, such as the unsubscribe function of an engine listener. */
  defer(action: () => void): void {
    this.add({ dispose: action });
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    // Last in, first out: what was built on something goes before it.
    for (const item of this.#items.reverse()) item.dispose();
    this.#items = [];
  }
}
