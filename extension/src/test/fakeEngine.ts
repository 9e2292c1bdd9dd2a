import type { InspectReport, RunSummary } from '@ringside/core/model';
import type { Engine, EngineEvents } from '@ringside/core/rpc';
import { aProgram, aRun } from './builders.ts';

type Method = Exclude<keyof Engine, 'on'>;

/**
 * An engine for tests of the controllers: it records its calls, and each method answers what the test sets in `answers`.
 * A method without an answer fails, so that no test passes by an accident of defaults.
 */
export class FakeEngine {
  readonly calls: { method: Method; args: unknown[] }[] = [];
  readonly answers: { [K in Method]?: (...args: Parameters<Engine[K]>) => unknown } = {};
  readonly #listeners = new Map<keyof EngineEvents, Set<(...args: never[]) => void>>();
  readonly engine: Engine;

  constructor() {
    this.engine = new Proxy({} as Engine, {
      get: (_target, name) => (name === 'on' ? this.#on : this.#call(name as Method)),
    });
  }

  readonly #on = (event: keyof EngineEvents, listener: (...args: never[]) => void): (() => void) => {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set.add(listener));
    return () => set.delete(listener);
  };

  #call(method: Method) {
    return async (...args: unknown[]): Promise<unknown> => {
      this.calls.push({ method, args });
      const answer = this.answers[method] as ((...args: unknown[]) => unknown) | undefined;
      if (answer === undefined) throw new Error(`The test did not expect a call of ${method}.`);
      return await answer(...args);
    };
  }

  emit<K extends keyof EngineEvents>(event: K, ...args: Parameters<EngineEvents[K]>): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      (listener as unknown as (...args: Parameters<EngineEvents[K]>) => void)(...args);
    }
  }

  called(method: Method): unknown[][] {
    return this.calls.filter((call) => call.method === method).map((call) => call.args);
  }

  /** Answers as a host does on which everything works; each attach makes a run of its own. */
  works(report: Partial<InspectReport> = {}): this {
    const runs = new Map<string, RunSummary>();
    const inspected: InspectReport = {
      license: 'GPL',
      sha256: '',
      capabilities: ['CAP_BPF', 'CAP_PERFMON'],
      programs: [aProgram()],
      maps: [],
      globals: [],
      records: [],
      ...report,
    };
    this.answers.build = ({ file }) => ({
      ok: true,
      object: `${file}.o`,
      sha256: '',
      diagnostics: [],
      compiler: { path: '', version: '', flags: [] },
      ms: 1,
    });
    this.answers.inspect = () => inspected;
    this.answers.attach = (spec) => {
      const run = aRun({ id: `run-${runs.size + 1}`, file: spec.file, hosts: spec.hosts });
      runs.set(run.id, run);
      return run;
    };
    this.answers.redeploy = (id) => {
      const kept = { map: 'events', fate: 'kept', reason: '', entries: 0 } as const;
      const run: RunSummary = { ...runs.get(id)!, swaps: [{ host: 'web-1', overlapNanos: 1_000, maps: [kept] }] };
      runs.set(id, run);
      return run;
    };
    this.answers.detach = (id) => {
      const run: RunSummary = { ...runs.get(id)!, state: 'ended', endReason: 'interrupt' };
      runs.set(id, run);
      this.emit('run', run);
      return run;
    };
    this.answers.runs = () => [...runs.values()];
    this.answers.pause = () => undefined;
    return this;
  }
}
