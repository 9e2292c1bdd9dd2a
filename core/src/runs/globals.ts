/** The global variables of a run: knobs that a restart changes, and variables that may change while it runs. */
import { readFile } from 'node:fs/promises';
import { BpfObject, describeGlobal, encodeGlobal, knobComments, readGlobals } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import type { RunGlobal } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { HostRun } from './hostRun.ts';
import { isSource, type PreparedObject } from './prepare.ts';

export interface GlobalsRun {
  readonly spec: { file: string; set: Record<string, string> };
  readonly hostRuns: readonly HostRun[];
  readonly prepared: PreparedObject | undefined;
}

const objectOf = ({ prepared }: GlobalsRun): PreparedObject => {
  if (prepared !== undefined) return prepared;
  throw new RingsideError('usage', 'The program is not built yet.', { remedy: 'Wait until it is attached.' });
};

/** Every global with what the source says of it, what it was set to, and what it holds now. */
export async function globalsOf(run: GlobalsRun, call: CallOptions): Promise<RunGlobal[]> {
  const { globals } = objectOf(run).report;
  const { file, set } = run.spec;
  const source = isSource(file) ? await readFile(file, 'utf8').catch(() => '') : '';
  const names = globals.map((g) => g.name);
  const comments = knobComments(source, names);
  const held = await Promise.all(run.hostRuns.map((hostRun) => heldBy(hostRun, call)));
  return globals.map((g) => ({
    ...{ ...g, comment: comments[g.name] ?? '', set: set[g.name] ?? null },
    now: held.flatMap(({ host, values }) => (values.has(g.name) ? [{ host, value: values.get(g.name)! }] : [])),
  }));
}

interface Held {
  host: string;
  /** By name; null = it cannot be printed. */
  values: Map<string, RunGlobal['value']>;
}

/** What the variables of a host hold now. One that cannot be read (the host is lost) gives none: their number is not 0. */
async function heldBy(hostRun: HostRun, call: CallOptions): Promise<Held> {
  const held: Held = { host: hostRun.name, values: new Map() };
  if (!hostRun.readable) return held;
  const object = BpfObject.parse(hostRun.object.full);
  const variables = readGlobals(object).filter(({ section }) => /^\.(data|bss)/.test(section));
  for (const section of new Set(variables.map((v) => v.section))) {
    const bytes = await readSection(hostRun, section, call).catch(() => null);
    for (const variable of bytes === null ? [] : variables) {
      if (variable.section !== section) continue;
      const own = bytes!.subarray(variable.offset, variable.offset + variable.size);
      held.values.set(variable.name, describeGlobal(object.btf!, { ...variable, bytes: own }).value);
    }
  }
  return held;
}

/** The bytes of a section as the program has them now. Errors: what the host says. */
async function readSection(
  { host: { agent }, loadedObject }: HostRun,
  section: string,
  call: CallOptions,
): Promise<Uint8Array> {
  const map = { ref: { case: 'loaded' as const, value: { objectId: loadedObject, map: section } } };
  const page = await agent.request({ case: 'readMap', value: { map, limit: 1 } }, 'mapPage', call);
  return page.blob === 0 ? new Uint8Array(0) : agent.takeBlob(page.blob).subarray(KEY.length);
}

/** Errors: unknown-variable, bad-value: what would do. */
export function checkGlobal(run: GlobalsRun, name: string, value: string): void {
  encodeGlobal(BpfObject.parse(objectOf(run).full), name, value);
}

/**
 * Writes a variable of .data or .bss on every host, while the program runs: its own bytes and no others, so that what the
 * program writes beside it stays.
 * Errors: unknown-variable, bad-value, map-access, and what the hosts say.
 */
export async function setVariable(run: GlobalsRun, name: string, value: string, call: CallOptions): Promise<void> {
  for (const hostRun of run.hostRuns) {
    const object = BpfObject.parse(hostRun.object.full);
    const { bytes } = encodeGlobal(object, name, value);
    const variable = readGlobals(object).find((g) => g.name === name)!;
    if (variable.section.startsWith('.rodata')) {
      throw new RingsideError('map-access', `${name} is constant once the program is loaded.`, {
        remedy: 'Restart the run with another value: the verifier reads it as a constant.',
      });
    }
    await writeOn(hostRun, variable, bytes, call);
  }
}

/** The only key of a section. */
const KEY = new Uint8Array(4);

async function writeOn(
  { host: { agent }, loadedObject }: HostRun,
  { section, offset }: { section: string; offset: number },
  value: Uint8Array,
  call: CallOptions,
): Promise<void> {
  const map = { ref: { case: 'loaded' as const, value: { objectId: loadedObject, map: section } } };
  const operations = [{ operation: 'patch', key: KEY, offset, value }];
  const written = await agent.request({ case: 'writeMap', value: { map, operations } }, 'mapWritten', call);
  const error = written.outcomes[0]?.error;
  if (error) throw agent.errorFrom(error);
}
