import * as vscode from 'vscode';

const key = 'ringside.chosenHosts';
const lastKey = 'ringside.lastHost';
const maxFiles = 200;

/** The host chosen last for each file, kept with the workspace. */
export class ChosenHosts implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #memory: vscode.Memento;

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  get(file: vscode.Uri): string | undefined {
    return this.#all()[file.toString()];
  }

  /** Chosen last for any file: what a picker offers first for a new one. */
  get last(): string | undefined {
    return this.#memory.get<string>(lastKey);
  }

  async set(file: vscode.Uri, host: string): Promise<void> {
    const name = file.toString();
    const others = Object.entries(this.#all()).filter(([other]) => other !== name);
    await this.#memory.update(key, Object.fromEntries([[name, host], ...others].slice(0, maxFiles)));
    await this.#memory.update(lastKey, host);
    this.#changed.fire(file);
  }

  #all(): Record<string, string> {
    return this.#memory.get<Record<string, string>>(key, {});
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
