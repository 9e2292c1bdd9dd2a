/**
 * `npm run soak [-- --minutes 30 --rate 100000]`: VS Code with the packaged extension, a program that gives so many records a
 * second over ssh (all of it on this machine), and panels that are opened, moved, hidden and reloaded all the time; the
 * window is reloaded with the run attached. JSON lines on stdout; the last one is the verdict. Exit status 0 when the ledger
 * adds up, memory is flat (flat.ts) and nothing is left on the host; 1 when not; 2 for wrong arguments.
 */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchEditor, rowShown, type BenchEditor } from '../bench/benchEditor.ts';
import { generate, generator, root, sleep } from '../bench/environment.ts';
import { flatness, type Sample } from './flat.ts';
import { below, sampleMemory, type Memory } from './memory.ts';
import { SoakPanels, SOURCE } from './panels.ts';

const SAMPLE_MS = 5_000;
/** Every so many samples with a collection of the pages' heap. */
const COLLECT_EVERY = 2;
/** Between two things that are done. */
const STEP_MS = 3_000;
/** The window is reloaded after so long, and at least once. */
const SEGMENT_SECONDS = 600;
/** Rows fill the store within the warm-up, so that what grows after it is no store. */
const STORE_MEGABYTES = 32;
const BURST_SECONDS = 10;

const say = (line: Record<string, unknown>): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

interface Outcome {
  calls: number;
  cpuSeconds: number;
  offeredSeconds: number;
  faults: string[];
}

class Soak {
  readonly #outcome: Outcome = { calls: 0, cpuSeconds: 0, offeredSeconds: 0, faults: [] };
  readonly #begin = performance.now();
  readonly #done = new Map<string, { good: number; bad: number }>();
  readonly #panels: SoakPanels;
  #records = 0;
  #knowsHost = false;
  #lost = 0;

  constructor(
    private readonly bench: BenchEditor,
    private readonly gen: string,
    private readonly rate: number,
  ) {
    this.#panels = new SoakPanels(bench);
  }

  get #at(): number {
    return Math.round((performance.now() - this.#begin) / 100) / 10;
  }

  #fault(text: string): void {
    this.#outcome.faults.push(text);
    say({ type: 'fault', at: this.#at, text });
  }

  /** One window's life: attach, work under load, count, and reload with the run attached. */
  async segment(number: number, seconds: number): Promise<void> {
    const samples: { at: number; memory: Memory }[] = [];
    await this.#attach();
    say({ type: 'attached', at: this.#at, segment: number });
    const end = performance.now() + seconds * 1000;
    const goesOn = (): boolean => performance.now() < end;
    const produced = this.#outcome.calls;
    await Promise.all([
      this.#load(goesOn),
      this.#work(goesOn),
      this.#sample(goesOn, (memory) => samples.push({ at: this.#at, memory })),
    ]);
    await this.#account(this.#outcome.calls - produced);
    this.#judge(number, samples);
  }

  async #attach(): Promise<void> {
    const { workbench, editor } = this.bench;
    await workbench.open(SOURCE);
    const lens = workbench.lens(/^\s*Attach$/);
    await lens.waitFor({ timeout: 60_000 });
    await lens.click();
    // Where it was attached the last time it is attached again without a question.
    if (!this.#knowsHost) await workbench.pick('ringside-test');
    this.#knowsHost = true;
    const end = performance.now() + 120_000;
    do {
      if (performance.now() > end) throw new Error('no row came within two minutes');
      await this.#burst(100, 0.5);
    } while (!(await rowShown(editor.page)));
  }

  async #burst(rate: number, seconds: number): Promise<void> {
    const made = await generate(this.gen, rate, seconds);
    this.#outcome.calls += made.calls;
    if (seconds !== BURST_SECONDS) return;
    this.#outcome.offeredSeconds += made.seconds;
    this.#records += made.calls;
  }

  async #load(goesOn: () => boolean): Promise<void> {
    while (goesOn()) await this.#burst(this.rate, BURST_SECONDS);
  }

  async #work(goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      for (const step of this.#panels.steps()) {
        if (!goesOn()) return;
        const done = this.#done.get(step.name) ?? { good: 0, bad: 0 };
        this.#done.set(step.name, done);
        try {
          await step.run();
          done.good++;
        } catch (error) {
          done.bad++;
          const text = error instanceof Error ? error.message.split('\n')[0] : String(error);
          say({ type: 'step', at: this.#at, step: step.name, error: text, frames: await this.#panels.frames() });
          await this.#picture(step.name);
          await this.bench.editor.page.keyboard.press('Escape');
        }
        await sleep(STEP_MS);
      }
    }
  }

  /** What it looked like when something did not work: the newest of each kind is kept. */
  async #picture(name: string): Promise<void> {
    const path = join(root, '.cache', 'soak', `${name.replaceAll(/\W+/g, '-')}.png`);
    await this.bench.editor.page.screenshot({ path }).catch(() => undefined);
  }

  async #sample(goesOn: () => boolean, take: (memory: Memory) => void): Promise<void> {
    for (let number = 0; goesOn(); number++) {
      const { editor, metrics } = this.bench;
      const memory = await sampleMemory(editor.page, metrics, number % COLLECT_EVERY === 0);
      take(memory);
      say({ type: 'memory', at: this.#at, ...memory });
      await sleep(SAMPLE_MS);
    }
  }

  /** What the generator called is what was produced, and every one of it arrived or is counted as lost. */
  async #account(calls: number): Promise<void> {
    await this.#panels.show('trace');
    const end = performance.now() + 60_000;
    let ledger = await this.#panels.ledger();
    while (ledger.produced !== ledger.delivered + ledger.lost || ledger.produced < calls) {
      if (performance.now() > end) break;
      await sleep(500);
      ledger = await this.#panels.ledger();
    }
    // Those from before the first row are in it as well.
    const addsUp = ledger.produced === ledger.delivered + ledger.lost;
    say({ type: 'ledger', at: this.#at, calls, addsUp, ...ledger });
    if (!addsUp) this.#fault(`the ledger does not add up: ${ledger.text}`);
    if (ledger.produced < calls) this.#fault(`${calls} calls were made, and ${ledger.produced} records produced`);
    this.#lost += ledger.lost;
  }

  #judge(segment: number, samples: readonly { at: number; memory: Memory }[]): void {
    const names = Object.keys(samples[0]?.memory ?? {}) as (keyof Memory)[];
    for (const name of names) {
      const own: Sample[] = samples.flatMap(({ at, memory }) => {
        const bytes = memory[name];
        return bytes === null ? [] : [{ at, bytes }];
      });
      const found = flatness(own);
      say({ type: 'flat', segment, name, ...(found ?? { flat: null, samples: own.length }) });
      if (found === null) this.#fault(`${name} could be measured too seldom to say anything`);
      else if (!found.flat)
        this.#fault(`${name} rose by ${mebibytes(found.rise)} MiB, allowed are ${mebibytes(found.allowed)}`);
    }
  }

  /** The window goes, and its run with it. */
  async reload(): Promise<void> {
    await this.bench.workbench.reloadWindow();
    await this.#nothingAttached('after a reload of the window');
    await this.bench.workbench.command('View: Close All Editors');
    say({ type: 'reloaded', at: this.#at });
  }

  async #nothingAttached(when: string): Promise<void> {
    const end = performance.now() + 60_000;
    while (left().length > 0 && performance.now() < end) await sleep(500);
    const found = left();
    if (found.length > 0) this.#fault(`${when} there is still ${found.join(', ')}`);
  }

  async end(): Promise<Record<string, unknown>> {
    await this.bench.stop();
    await this.#nothingAttached('at the end');
    const agents = await below(/ringside-agent/);
    if (agents.length > 0) this.#fault(`agents still run: ${agents.map(({ pid }) => pid).join(', ')}`);
    for (const [step, { good }] of this.#done) if (good === 0) this.#fault(`"${step}" never worked`);
    const { faults, offeredSeconds } = this.#outcome;
    const reached = offeredSeconds === 0 ? 0 : Math.round(this.#records / offeredSeconds);
    return {
      ...{
        type: 'verdict',
        ok: faults.length === 0,
        seconds: this.#at,
        records: this.#outcome.calls,
        lost: this.#lost,
      },
      ...{ offered: this.rate, reached, steps: Object.fromEntries(this.#done), faults },
    };
  }
}

const mebibytes = (bytes: number): number => Math.round(bytes / (1 << 20));

/** Programs and maps of the soak's object that the kernel holds: others on this machine have other names. */
function left(): string[] {
  const list = (kind: 'prog' | 'map'): { id: number; name?: string }[] =>
    JSON.parse(execFileSync('bpftool', ['-j', kind, 'list'], { encoding: 'utf8' })) as { id: number; name?: string }[];
  return (['prog', 'map'] as const).flatMap((kind) =>
    list(kind).flatMap(({ id, name = '' }) => (name.startsWith('soak_') ? [`${kind} ${id} ${name}`] : [])),
  );
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { minutes: { type: 'string' }, rate: { type: 'string' } } });
  const [minutes, rate] = [Number(values.minutes ?? 30), Number(values.rate ?? 100_000)];
  if (!(minutes > 0 && minutes <= 24 * 60) || !(rate >= 1 && rate <= 10_000_000)) {
    process.stderr.write('usage: npm run soak [-- --minutes 30 --rate 100000]\n');
    return 2;
  }
  const gen = await generator();
  const source = await readFile(join(root, 'test', 'soak', SOURCE), 'utf8');
  const bench = await benchEditor(
    { [SOURCE]: source },
    { 'ringside.store.megabytes': STORE_MEGABYTES, 'ringside.limits.cpuPercent': 0 },
  );
  const soak = new Soak(bench, gen, rate);
  try {
    const segments = Math.max(2, Math.round((minutes * 60) / SEGMENT_SECONDS));
    say({ type: 'begin', minutes, rate, segments });
    for (let i = 1; i <= segments; i++) {
      await soak.segment(i, (minutes * 60) / segments);
      await soak.reload();
    }
  } catch (error) {
    say({ type: 'failed', error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    await bench.editor.page.screenshot({ path: join(root, '.cache', 'soak', 'failed.png') }).catch(() => undefined);
    say({ ...(await soak.end()), ok: false });
    return 1;
  }
  const verdict = await soak.end();
  say(verdict);
  return verdict['ok'] === true ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
