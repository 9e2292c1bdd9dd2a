import { batch, signal } from '@preact/signals';
import type { CheckedHost, DoctorPanelState, DoctorToHost } from '@ringside/core/model';
import { helloUntilAnswered } from '../shared/hello.ts';
import type { VsCodeApi } from '../shared/vscodeApi.ts';
import { doctorState, toDoctorPanel } from './guards.ts';

/** What the page knows: the hosts with their reports, and which of them are folded. */
export class DoctorState {
  readonly title = signal('');
  readonly hosts = signal<readonly CheckedHost[]>([]);
  readonly folded = signal<ReadonlySet<string>>(new Set());
  /** What was copied last, for the button that says so. */
  readonly copied = signal('');
  readonly #api: VsCodeApi<DoctorPanelState>;
  #copiedTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(api: VsCodeApi<DoctorPanelState>) {
    this.#api = api;
  }

  start(): void {
    addEventListener('message', ({ data }: MessageEvent<unknown>) => this.#receive(data));
    helloUntilAnswered(() => this.#send({ type: 'ready' }), ['hosts']);
  }

  get busy(): boolean {
    return this.hosts.value.some(({ state }) => state === 'running' || state === 'waiting');
  }

  checkAgain(host: string | null): void {
    this.#send({ type: 'run', host });
  }

  cancel(): void {
    this.#send({ type: 'cancel' });
  }

  copyAll(): void {
    this.#send({ type: 'copy-all' });
    this.#sayCopied('*');
  }

  copy(key: string, text: string): void {
    this.#send({ type: 'copy', text });
    this.#sayCopied(key);
  }

  fold(host: string): void {
    const folded = new Set(this.folded.value);
    if (!folded.delete(host)) folded.add(host);
    this.folded.value = folded;
  }

  #sayCopied(key: string): void {
    clearTimeout(this.#copiedTimer);
    this.copied.value = key;
    this.#copiedTimer = setTimeout(() => (this.copied.value = ''), 2000);
  }

  #receive(data: unknown): void {
    const message = toDoctorPanel(data);
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
    this.#api.setState(doctorState(message.title, message.hosts));
  }

  #send(message: DoctorToHost): void {
    this.#api.postMessage(message);
  }
}
