/** Runs the rows of the matrix on one host, each from attach to detach, through one engine. */
import { targets as parseTargets } from '../../../cli/src/args.ts';
import { RingsideError } from '../../../core/src/errors.ts';
import { guardRules } from '../../../core/src/guardRules.ts';
import type { AttachSpec, RunSummary } from '../../../core/src/model/index.ts';
import { noPrompter } from '../../../core/src/prompt.ts';
import type { Engine } from '../../../core/src/runs/api.ts';
import { createEngine } from '../../../core/src/runs/engine.ts';
import { root } from '../../integration/support/cli.ts';
import type { Kind } from './kind.ts';
import type { Objects } from './objects.ts';
import { buildTriggers, fill, folder, setUp, tearDown, type Places, type Reach } from './place.ts';
import { join } from 'node:path';

export type Outcome =
  /** Attached, triggered, and the record was read back. */
  | { result: 'yes' }
  /** The agent said why not. */
  | { result: 'no'; code: string; reason: string }
  /** Attached, and no record came: never right. */
  | { result: 'silent'; reason: string };

export interface HostOutcomes {
  column: string;
  /** uname -r */
  kernel: string;
  outcomes: Map<string, Outcome>;
  /** What stayed attached or lay about, with the row after which it was found. */
  left: string[];
  seconds: number;
}

const TRIES = 3;
const RECORD_MS = 1_500;
const FREED_MS = 20_000;

export async function runMatrix(
  reach: Reach,
  kinds: readonly Kind[],
  objects: Objects,
  cacheDir: string,
  report: (kind: Kind, outcome: Outcome, seconds: number) => void,
): Promise<HostOutcomes> {
  const started = performance.now();
  const triggers = await buildTriggers();
  const engine = createEngine({
    resourceDir: join(root, 'dist'),
    cacheDir,
    compilerPath: '',
    ssh: reach.ssh,
    prompter: noPrompter,
  });
  const result: HostOutcomes = {
    column: reach.column,
    kernel: (await reach.sh('uname -r')).trim(),
    outcomes: new Map(),
    left: [],
    seconds: 0,
  };
  try {
    const places = await setUp(reach, triggers);
    await engine.connect(reach.host);
    const row = new Row(engine, reach, objects, places);
    await row.settle();
    for (const kind of kinds) {
      const begun = performance.now();
      const outcome = await row.run(kind);
      result.outcomes.set(kind.name, outcome);
      report(kind, outcome, (performance.now() - begun) / 1000);
      const left = await row.left();
      if (left.length > 0) result.left.push(`after ${kind.name}: ${left.join(' ')}`);
    }
  } finally {
    await engine.dispose();
    const lying = (await tearDown(reach)).trim();
    if (lying !== '') result.left.push(`on the interfaces: ${lying}`);
  }
  result.seconds = (performance.now() - started) / 1000;
  return result;
}

class Row {
  /** BPF programs and links of the host that are not the rows'. */
  private known = new Set<string>();

  constructor(
    private readonly engine: Engine,
    private readonly reach: Reach,
    private readonly objects: Objects,
    private readonly places: Places,
  ) {}

  async run(kind: Kind): Promise<Outcome> {
    const runs: RunSummary[] = [];
    try {
      if (kind.before) runs.push(await this.attach(kind.before));
      const run = await this.attach(kind);
      runs.push(run);
      return await this.judge(kind, run);
    } catch (error) {
      const { code, message, remedy } = RingsideError.from(error);
      return { result: 'no', code, reason: `${message} ${remedy}`.trim() };
    } finally {
      for (const run of runs.reverse()) {
        await this.engine.detach(run.id);
        await this.engine.forget(run.id);
      }
    }
  }

  private attach({ object, programs, targets = [] }: Pick<Kind, 'object' | 'programs' | 'targets'>): Promise<RunSummary> {
    const spec: AttachSpec = {
      file: this.objects[object]!,
      hosts: [this.reach.host],
      programs: programs.filter((name) => name !== ''),
      targets: parseTargets(targets.map((text) => fill(text, this.places))),
      set: {},
      where: '',
      durationSeconds: null,
      count: null,
      mapsSeconds: null,
      storeBytes: 1 << 20,
      // What a host asks about is another test's concern.
      confirmed: [...guardRules],
    };
    return this.engine.attach(spec);
  } // prettier-ignore

  /** Triggers the program until its record is there. */
  private async judge(kind: Kind, run: RunSummary): Promise<Outcome> {
    let said = '';
    for (let tried = 0; tried < TRIES; tried++) {
      said = await this.trigger(kind, run);
      const value = kind.value ?? Number(said.trim().split('\n').at(-1));
      if (!Number.isInteger(value)) break;
      if (await this.recordOf(run.id, value)) return { result: 'yes' };
    }
    const { place, reason } = kind.idleWithout ?? {};
    if (place !== undefined && this.places[place] === 'none') return { result: 'no', code: 'idle', reason: reason! };
    const { delivered } = await this.page(run.id, '');
    return { result: 'silent', reason: `the trigger said "${said.trim()}", ${delivered} other records came` };
  }

  private async trigger(kind: Kind, run: RunSummary): Promise<string> {
    const { host } = this.reach;
    if (kind.by === 'iterator') {
      const { text } = await this.engine.readIterator(run.id, host, kind.programs[0]!);
      return text.slice(0, 80);
    }
    if (kind.by === 'user-ring') {
      const record = new Uint8Array(8);
      new DataView(record.buffer).setBigUint64(0, BigInt(kind.value!), true);
      await this.engine.writeUserRing(run.id, host, 'orders', [record]);
    }
    if (kind.trigger === '') return '';
    const command = fill(kind.trigger, this.places);
    if (command.startsWith('./')) return this.reach.sh(`${folder}/${command.slice(2)}`);
    const inside = kind.cgroup ? `-c ${this.places['cgroupPath']} ` : '';
    return this.reach.sh(`${folder}/trigger ${inside}${command}`);
  }

  private async recordOf(runId: string, value: number): Promise<boolean> {
    const until = performance.now() + RECORD_MS;
    for (;;) {
      const { matching, filterError } = await this.page(runId, `magic == 0x52494e47 && value == ${value}`);
      if (filterError) throw RingsideError.fromData(filterError);
      if (matching > 0) return true;
      if (performance.now() > until) return false;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  private page(runId: string, where: string) {
    return this.engine.rows({ runId, stream: 'events', where, first: 0, count: 1 });
  }

  private async ids(): Promise<string[]> {
    return (await this.reach.sh(`${folder}/trigger objects`)).trim().split(' ').filter((id) => id !== '');
  } // prettier-ignore

  /** What is there now is not the rows'. */
  async settle(): Promise<void> {
    this.known = new Set(await this.ids());
  }

  /** Programs and links that stayed; the kernel frees some a moment later. */
  async left(): Promise<string[]> {
    const until = performance.now() + FREED_MS;
    for (;;) {
      const left = (await this.ids()).filter((id) => !this.known.has(id));
      if (left.length === 0) return [];
      if (performance.now() > until) {
        await this.settle(); // said once
        return left;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
