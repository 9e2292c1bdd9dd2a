/** What a run's iterator programs write: read from beginning to end when it starts, and again when asked. */
import { encodePrints, printEvent, textSchema, type EventStore, type PrintLine } from '../events/index.ts';
import type { IteratorText, RunEvent, StreamSchema } from '../model/index.ts';
import type { HostRun } from './hostRun.ts';

/** Prefix of the stream name under which an iterator's lines stand. */
export const ITER_STREAM = 'iter:';
/** Lines of one span, so that it fits the store's slabs. */
const LINES_AT_ONCE = 1_000;

export interface IteratorSource {
  readonly store: EventStore;
  readonly hostRuns: readonly HostRun[];
  /** An iterator was read. */
  onPass?(host: HostRun, program: string, pass: IteratorText): void;
}

export class IteratorTexts {
  private readonly streams = new Map<string, StreamSchema>();

  constructor(
    private readonly source: IteratorSource,
    private readonly onEvents: (events: RunEvent[]) => void,
  ) {}

  /** One a program that has been read. */
  schemas(): StreamSchema[] {
    return [...this.streams.values()];
  }

  /** Reads every iterator of every host once. Errors: what the first host says that cannot read one. */
  async read(): Promise<void> {
    await Promise.all(this.source.hostRuns.map((host) => this.readHost(host)));
  }

  private async readHost(host: HostRun): Promise<void> {
    for (const { program, link } of host.attachments) {
      if (link.kind !== 'iter') continue;
      const pass = await host.readIterator(program);
      this.source.onPass?.(host, program, pass);
      this.pass(host, program, pass);
    }
  }

  /** Takes what an iterator has written. */
  pass(host: HostRun, program: string, { text, truncated, time }: IteratorText): void {
    const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : text.split('\n');
    if (text !== '') this.take(host, program, BigInt(time), lines);
    if (truncated) {
      const note = { host: host.name, about: program, text: `Its text was cut after ${text.length} characters.` };
      this.onEvents([{ type: 'note', ...note }]);
    }
  }

  private take(host: HostRun, program: string, timeNs: bigint, lines: readonly string[]): void {
    const { store } = this.source;
    const name = `${ITER_STREAM}${program}`;
    if (!this.streams.has(name)) this.streams.set(name, textSchema(name));
    for (let at = 0; at < lines.length; at += LINES_AT_ONCE) {
      const part = lines
        .slice(at, at + LINES_AT_ONCE)
        .map((text): PrintLine => ({ timeNs, cpu: 0, pid: 0, tid: 0, program, source: 'iter', text }));
      store.append(store.stream(name), host.index, encodePrints(part, timeNs));
      this.onEvents(part.map((line) => printEvent(host.name, line)));
    }
  }
}
