import { batch, signal } from '@preact/signals';
import type { VerdictsPanelState, VerdictsToHost, VerifiedHost } from '@ringside/core/model';
import { helloUntilAnswered } from '../shared/hello.ts';
import type { VsCodeApi } from '../shared/vscodeApi.ts';
import { toVerdictsPanel } from './guards.ts';

/** A cell of the table, by names: it stays chosen when its host is asked again. */
export interface Chosen {
  host: string;
  program: string;
}

/** What the page knows: a column a host, and the cell that is shown whole. */
export class VerdictsState {
  readonly title = signal('');
  readonly hosts = signal<readonly VerifiedHost[]>([]);
  readonly chosen = signal<Chosen | null>(null);
  readonly copied = signal(false);
  readonly #api: VsCodeApi<VerdictsPanelState>;
  #copiedTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(api: VsCodeApi<VerdictsPanelState>) {
    this.#api = api;
  }

  start(): void {
    addEventListener('message', ({ data }: MessageEvent<unknown>) => this.#receive(data));
    helloUntilAnswered(() => this.send({ type: 'ready' }), ['hosts']);
  }

  get busy(): boolean {
    return this.hosts.value.some(({ state }) => state === 'running' || state === 'waiting');
  }

  copyAll(): void {
    this.send({ type: 'copy-all' });
    clearTimeout(this.#copiedTimer);
    this.copied.value = true;
    this.#copiedTimer = setTimeout(() => (this.copied.value = false), 2000);
  }

  send(message: VerdictsToHost): void {
    this.#api.postMessage(message);
  }

  #receive(data: unknown): void {
    const message = toVerdictsPanel(data);
    if (message === null) return;
    if (message.type === 'host') {
      const { host } = message;
      this.hosts.value = this.hosts.value.map((other) => (other.name === host.name ? host : other));
      return;
    }
    batch(() => {
      this.title.value = message.title;
      this.hosts.value = message.hosts;
    });
    this.#api.setState({ file: message.file, hosts: message.hosts.map(({ name }) => name) });
  }
}
