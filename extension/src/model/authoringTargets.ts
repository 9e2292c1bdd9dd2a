import * as vscode from 'vscode';
import type { AuthoringTarget } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { isBpfSource } from '../files.ts';
import { onDidRecognise } from '../sources.ts';

/** A host that has just been connected has better things to do: most are connected to attach something. */
const AFTER_CONNECT_MS = 3000;

type Parts = Pick<AppContext, 'chosenHosts' | 'engine' | 'errors' | 'hosts'>;

/** Which host the program in front is written for, and what is known of its kernel, for the language server. */
export class AuthoringTargets implements vscode.Disposable {
  readonly #parts: Parts;
  readonly #changed: (target: AuthoringTarget | null) => void;
  readonly #subscriptions: vscode.Disposable[] = [];
  /** The host and state that were asked about last. */
  #asked = '';
  #asking: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts, changed: (target: AuthoringTarget | null) => void) {
    this.#parts = parts;
    this.#changed = changed;
  }

  /** From the first program on: before that nothing is asked and no engine is started. */
  follow(): void {
    if (this.#subscriptions.length === 0) {
      this.#subscriptions.push(
        this.#parts.chosenHosts.onDidChange(() => this.#refresh()),
        this.#parts.hosts.onDidChange(() => this.#refresh()),
        vscode.window.onDidChangeActiveTextEditor(() => this.#refresh()),
        onDidRecognise(() => this.#refresh()),
      );
    }
    this.#refresh();
  }

  #refresh(): void {
    const uri = vscode.window.activeTextEditor?.document.uri;
    const source = uri !== undefined && isBpfSource(uri) ? uri : undefined;
    // Panels and other files in front change nothing; before any source it is the host that was chosen last.
    if (source === undefined && this.#asked !== '') return;
    const host = (source && this.#parts.chosenHosts.get(source)) ?? this.#parts.chosenHosts.last;
    if (source === undefined && host === undefined) return;
    const state = host === undefined ? undefined : this.#parts.hosts.get(host)?.state.state;
    const asked = `${host ?? ''} ${state === 'ready'}`;
    if (asked === this.#asked) return;
    this.#asked = asked;
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = undefined;
    if (host === undefined) this.#changed(null);
    else this.#timer = setTimeout(() => void this.#ask(host), state === 'ready' ? AFTER_CONNECT_MS : 0);
  }

  async #ask(host: string): Promise<void> {
    const asking = (this.#asking = new AbortController());
    try {
      const target = await this.#parts.engine.authoring(host, { signal: asking.signal });
      if (!asking.signal.aborted) this.#changed(target);
    } catch (error) {
      if (asking.signal.aborted) return;
      // What is known already stays: a host that vanishes takes no completion with it.
      this.#asked = '';
      this.#parts.errors.log(error);
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
