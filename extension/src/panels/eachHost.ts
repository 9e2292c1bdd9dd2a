import type { HostOutcome } from '@ringside/core/model';
import type { CallOptions } from '@ringside/core/rpc';
import { errorData } from '../errors.ts';
import { stepWords } from '../progress.ts';

/** Hosts that are asked at the same time; the others wait for their turn. */
const mostAtOnce = 8;

interface Parts<Report> {
  ask: (host: string, call: Required<CallOptions>) => Promise<Report>;
  onChange: (host: HostOutcome<Report>) => void;
  log: (error: unknown) => void;
  /** What a host that cannot be asked any more leaves of its last report; its error says that it is an old one. */
  oldReport: 'stays' | 'goes';
}

/** Asks many hosts for the same, a few at a time, and keeps what each has answered. */
export class EachHost<Report> {
  readonly #parts: Parts<Report>;
  readonly #hosts: Map<string, HostOutcome<Report>>;
  /** One a host that waits or is asked. */
  readonly #running = new Map<string, AbortController>();
  readonly #waiting: string[] = [];

  constructor(hosts: string[], parts: Parts<Report>) {
    this.#parts = parts;
    this.#hosts = new Map(hosts.map((name) => [name, notAsked(name)]));
  }

  names(): string[] {
    return [...this.#hosts.keys()];
  }

  all(): HostOutcome<Report>[] {
    return [...this.#hosts.values()];
  }

  get(name: string): HostOutcome<Report> | undefined {
    return this.#hosts.get(name);
  }

  /** Asks one host, or all of them; those that are being asked already go on. */
  start(only: string | null = null): void {
    for (const name of this.#hosts.keys()) {
      if ((only !== null && name !== only) || this.#running.has(name)) continue;
      this.#running.set(name, new AbortController());
      this.#waiting.push(name);
      this.#change(name, { state: 'waiting', step: 'Waiting for its turn' });
    }
    this.#next();
  }

  cancel(): void {
    for (const name of this.#waiting.splice(0)) {
      this.#running.delete(name);
      this.#change(name, { state: 'cancelled', step: '' });
    }
    for (const abort of this.#running.values()) abort.abort();
  }

  #next(): void {
    const begun = this.#running.size - this.#waiting.length;
    for (const name of this.#waiting.splice(0, Math.max(0, mostAtOnce - begun))) void this.#ask(name);
  }

  async #ask(name: string): Promise<void> {
    const abort = this.#running.get(name);
    if (abort === undefined) return;
    this.#change(name, { state: 'running', step: `Connecting to ${name}` });
    try {
      const report = await this.#parts.ask(name, {
        signal: abort.signal,
        progress: (step) => {
          // A step that was under way when it ended says nothing of now.
          if (this.#running.get(name) === abort) this.#change(name, { step: stepWords(step) });
        },
      });
      this.#end(name, abort, { state: 'done', report, error: null, checkedAt: Date.now() });
    } catch (thrown) {
      this.#fail(name, abort, thrown);
    }
    this.#next();
  }

  #fail(name: string, abort: AbortController, thrown: unknown): void {
    const error = errorData(thrown);
    if (error.code === 'cancelled') {
      this.#end(name, abort, { state: 'cancelled' });
      return;
    }
    this.#parts.log(thrown);
    const { report } = this.#hosts.get(name)!;
    const stays = this.#parts.oldReport === 'stays' && report !== null;
    this.#end(name, abort, { state: 'failed', error, ...(stays ? {} : { report: null, checkedAt: Date.now() }) });
  }

  #end(name: string, abort: AbortController, change: Partial<HostOutcome<Report>>): void {
    if (this.#running.get(name) !== abort) return;
    this.#running.delete(name);
    this.#change(name, { ...change, step: '' });
  }

  #change(name: string, change: Partial<HostOutcome<Report>>): void {
    const host = { ...this.#hosts.get(name)!, ...change };
    this.#hosts.set(name, host);
    this.#parts.onChange(host);
  }
}

const notAsked = (name: string): HostOutcome<never> => ({
  ...{ name, state: 'cancelled', step: '', report: null, error: null, checkedAt: null },
});
