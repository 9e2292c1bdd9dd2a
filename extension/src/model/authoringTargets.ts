import * as vscode from 'vscode';
import type { AuthoringTarget } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import type { AppContext } from '../appContext.ts';
import { isBpfSource } from '../files.ts';
import { onDidRecognise } from '../sources.ts';

/** A host that has just been connected has better things to do: most are connected to attach something. */
const AFTER_CONNECT_MS = 3000;

type Parts = Pick<AppContext, 'chosenHosts' | 'errors' | 'hosts'> & { engine: Pick<Engine, 'authoring'> };

/** The host that the program is attached to, and further ones as far as their kernels are known. */
type Changed = (target: AuthoringTarget | null, others: AuthoringTarget[]) => void;

/** Which hosts the program in front is written for, and what is known of their kernels, for the language server. */
export class AuthoringTargets implements vscode.Disposable {
  readonly #parts: Parts;
  readonly #changed: Changed;
  readonly #subscriptions: vscode.Disposable[] = [];
  /** The hosts and states that were asked about last. */
  #asked = '';
  #asking: AbortController | undefined;
  /** What was told of the further hosts last. */
  #further: AuthoringTarget[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts, changed: Changed) {
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
    const hosts = host === undefined ? [] : [host, ...(source ? this.#parts.chosenHosts.others(source) : [])];
    const isReady = (name: string): boolean => this.#parts.hosts.get(name)?.state.state === 'ready';
    const asked = hosts.length === 0 ? ' ' : hosts.map((name) => `${name} ${isReady(name)}`).join('\n');
    if (asked === this.#asked) return;
    this.#asked = asked;
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = undefined;
    if (host === undefined) this.#tell(null, []);
    else this.#timer = setTimeout(() => void this.#ask(hosts), hosts.some(isReady) ? AFTER_CONNECT_MS : 0);
  }

  async #ask([host, ...others]: readonly string[]): Promise<void> {
    const asking = (this.#asking = new AbortController());
    const { signal } = asking;
    try {
      const target = await this.#parts.engine.authoring(host!, { signal });
      // The first host's answer is not kept waiting; of the others holds what was known before, so that nothing flickers.
      const before = this.#further.filter((one) => others.includes(one.host));
      if (!signal.aborted) this.#tell(target, before);
      // One after the other, for each may have much to read.
      const further: AuthoringTarget[] = [];
      for (const other of others) {
        const known = signal.aborted ? null : await this.#one(other, signal);
        if (known) further.push(known);
      }
      if (!signal.aborted && further.length + before.length > 0) this.#tell(target, further);
    } catch (error) {
      if (asking.signal.aborted) return;
      // What is known already stays: a host that vanishes takes no completion with it.
      this.#asked = '';
      this.#parts.errors.log(error);
    }
  }

  #tell(target: AuthoringTarget | null, further: AuthoringTarget[]): void {
    this.#further = further;
    this.#changed(target, further);
  }

  /** A further host that cannot be asked takes nothing away from the others. */
  async #one(host: string, signal: AbortSignal): Promise<AuthoringTarget | null> {
    try {
      return await this.#parts.engine.authoring(host, { signal });
    } catch (error) {
      if (!signal.aborted) this.#parts.errors.log(error);
      return null;
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
