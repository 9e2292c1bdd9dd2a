import * as vscode from 'vscode';

const key = 'ringside.chosenHosts';
const lastKey = 'ringside.lastHost';
/** Hosts beside the one that is attached to: those that a program is to run on, too. */
const othersKey = 'ringside.chosenHosts.others';
const maxFiles = 200;
/** What the language server compares at most: MOST_OTHERS in language-server/src/protocol.ts. */
const maxOthers = 32;

/** The hosts chosen last for each file, kept with the workspace. */
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

  /** Further hosts that the program is written for; empty with one. */
  others(file: vscode.Uri): string[] {
    const host = this.get(file);
    return (this.#memory.get<Record<string, string[]>>(othersKey, {})[file.toString()] ?? []).filter(
      (other) => other !== host,
    );
  }

  /** `others`: the further hosts; as before when left out. */
  async set(file: vscode.Uri, host: string, others?: readonly string[]): Promise<void> {
    const name = file.toString();
    const files = Object.entries(this.#all()).filter(([other]) => other !== name);
    await this.#memory.update(key, Object.fromEntries([[name, host], ...files].slice(0, maxFiles)));
    await this.#memory.update(lastKey, host);
    if (others !== undefined)
      await this.#setOthers(
        name,
        others.filter((other) => other !== host),
      );
    this.#changed.fire(file);
  }

  async #setOthers(name: string, others: readonly string[]): Promise<void> {
    const known = this.#memory.get<Record<string, readonly string[]>>(othersKey, {});
    const files = Object.entries(known).filter(([other]) => other !== name);
    const own = others.length === 0 ? [] : [[name, others.slice(0, maxOthers)] as const];
    await this.#memory.update(othersKey, Object.fromEntries([...own, ...files].slice(0, maxFiles)));
  }

  #all(): Record<string, string> {
    return this.#memory.get<Record<string, string>>(key, {});
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
