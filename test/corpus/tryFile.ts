/** One file of a corpus on one host: built, loaded, attached, triggered. What the engine says is what is reported. */
import { guardRules } from '../../core/src/guardRules.ts';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BpfObject, readMaps } from '../../core/src/bpf/index.ts';
import { RingsideError } from '../../core/src/errors.ts';
import type {
  AttachSpec,
  InspectReport,
  LeftOutProgram,
  LoadOptions,
  ProgramVerdict,
  RunEvent,
  RunSummary,
  VerifyReport,
} from '../../core/src/model/index.ts';
import type { Engine } from '../../core/src/runs/api.ts';
import { readRecord } from '../../core/src/verifier/explore/record.ts';
import type { CorpusFile } from './files.ts';
import { differences, figureWords, logFigures, logsByProgram } from './logFigures.ts';
import type { Activity, Place } from './place.ts';
import { chooseTargets, type ChosenTargets } from './targets.ts';

/** yes, no, or not applicable: a step that an earlier one made impossible, or that was left to somebody else. */
export interface Step {
  ok: boolean | null;
  text: string;
  /** What kind of reason, in a word or two: an error code, or the category of the verifier's reason; "" where there is none. */
  why: string;
}

export interface ProgramResult {
  program: string;
  section: string;
  loads: Step;
  attaches: Step;
  delivers: Step;
  /** The verifier's figures in words, as we tell them; "" where it was not asked, or said none. */
  figures: string;
  /** Where they are not those of the log's own last lines. */
  differs: string[];
  /** What only the author can say: target keys; empty = nothing is asked. The run may have chosen something likely. */
  asks: string[];
}

export interface FileResult {
  file: string;
  builds: Step;
  programs: ProgramResult[];
  /** What Ringside did by itself, and what was chosen for the run. */
  notes: string[];
  seconds: number;
}

export interface TryOptions {
  engine: Engine;
  place: Place;
  /** Of activity while attached. */
  seconds: number;
  /** For each of build, verify, attach; a verdict of many programs gets more. */
  stepMs: number;
  signal: AbortSignal;
  /** Only builds and loads. */
  loadOnly: boolean;
}

const none: Step = { ok: null, text: '', why: '' };
const yes = (text = ''): Step => ({ ok: true, text, why: '' });
const no = (text: string, why: string): Step => ({ ok: false, text, why });

export async function tryFile(file: CorpusFile, options: TryOptions): Promise<FileResult> {
  const began = performance.now();
  const result: FileResult = { file: file.path, builds: none, programs: [], notes: [], seconds: 0 };
  try {
    await steps(file, options, result);
  } catch (error) {
    const reason = failed(error);
    if (result.builds.ok === null && file.kind === 'source') result.builds = reason;
    else if (result.programs.length === 0) result.programs.push(wholeObject(reason));
    else for (const p of result.programs) if (p.loads.ok === null) p.loads = reason;
  } finally {
    await options.place.unpin().catch(() => undefined);
  }
  result.seconds = (performance.now() - began) / 1000;
  return result;
}

const wholeObject = (reason: Step): ProgramResult => ({
  ...{ program: '(object)', section: '', attaches: none, delivers: none, asks: [], figures: '', differs: [] },
  loads: reason,
});

async function steps(file: CorpusFile, options: TryOptions, result: FileResult): Promise<void> {
  const { engine, place } = options;
  const host = place.shell.host;
  let object = file.path;
  if (file.kind === 'source') {
    const built = await engine.build({ file: file.path, host }, within(options));
    result.builds = built.ok ? yes(built.cpu ?? '') : whyNotBuilt(built.diagnostics);
    if (!built.ok) return;
    object = built.object;
  }
  const report = await engine.inspect(object, within(options));
  const pins = await pinsOf(object, place);
  const chosen = await chooseTargets(report, place, `${place.folder}/stand-in`);
  if (chosen.standIn !== '') await place.compile(chosen.standIn, 'stand-in');
  result.notes.push(...targetNotes(chosen, place));
  result.programs = report.programs.map((p) => ({
    ...{ program: p.name, section: p.section, loads: none, attaches: none, delivers: none, figures: '', differs: [] },
    asks: chosen.asks.get(p.name) ?? [],
  }));
  if (report.programs.length === 0) {
    result.programs.push(wholeObject(no('The object has no program.', 'no-programs')));
    return;
  }
  const prepared = { file, object, report, chosen, load: { pins } };
  const verified = await verify(prepared, options);
  noteOnce(result.notes, verified.notes);
  for (const p of result.programs) {
    const verdict = verified.programs.find((v) => v.name === p.program);
    p.loads = loadStep(verdict);
    p.figures = verdict === undefined ? '' : figureWords(verdict.stats);
    p.differs = verdict === undefined ? [] : differs(verdict, verified.logs);
  }
  if (!options.loadOnly) await attachAll(prepared, options, result);
}

/** Each program of a long object adds a tenth of a step: all are loaded one by one. */
function within({ stepMs, signal }: TryOptions, programs = 0): { signal: AbortSignal } {
  return { signal: AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(stepMs * (1 + programs / 10)))]) };
}

function whyNotBuilt(diagnostics: readonly { severity: string; file: string; line: number; message: string }[]): Step {
  const error = diagnostics.find((d) => d.severity === 'error');
  if (error === undefined) return no('clang failed and does not say why', 'build-failed');
  const why = /file not found/.test(error.message) ? 'header not found' : 'does not compile';
  return no(oneLine(`${error.file.split('/').at(-1)!}:${error.line}: ${error.message}`), why);
}

/** Maps that the object wants pinned by name go to a folder of this run, which is emptied after the file. */
async function pinsOf(object: string, place: Place): Promise<Record<string, string>> {
  if (place.pins === '') return {};
  const maps = readMaps(BpfObject.parse(await readFile(object)));
  return Object.fromEntries(maps.filter((m) => m.pinned).map((m) => [m.name, `${place.pins}/${m.name}`]));
}

function targetNotes({ words, asks, standIn }: ChosenTargets, place: Place): string[] {
  const notes = [...words].map(([program, text]) => `${program}: ${text}${asks.has(program) ? ' (a guess)' : ''}`);
  if ([...words.values()].some((w) => w.includes('iface='))) notes.push(`${place.iface}: ${place.ifaceWhy}`);
  if (standIn !== '') notes.push('stand-in: a program made for the run with what is probed');
  return notes;
}

type Verified = VerifyReport & { logs: Map<string, string> };

async function verify({ file, report, chosen, load }: Prepared, options: TryOptions): Promise<Verified> {
  const { engine, place } = options;
  const folder = await mkdtemp(join(tmpdir(), 'ringside-corpus-'));
  try {
    const [fullLog, record] = [join(folder, 'log'), join(folder, 'record')];
    const request = {
      ...{ file: file.path, hosts: [place.shell.host], programs: [], set: {}, targets: chosen.targets, load },
      ...{ fullLog, record },
    };
    const [outcome] = await engine.verify(request, within(options, report.programs.length));
    if (outcome === undefined || 'error' in outcome) {
      throw outcome === undefined ? new Error('no verdict') : RingsideError.fromData(outcome.error);
    }
    // Of a program that was tried in two instruction sets the log of the one that counts.
    const attempt = (await readRecord(record))?.attempt ?? 0;
    const all = logsByProgram(await readFile(fullLog, 'utf8'));
    return { ...outcome, logs: new Map([...all].map(([name, logs]) => [name, logs[attempt] ?? ''])) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where the figures of a verdict are not those of its log; for what was not verified there are none on either side. */
function differs({ name, stats }: ProgramVerdict, logs: ReadonlyMap<string, string>): string[] {
  const log = logFigures(logs.get(name) ?? '');
  if (log !== null) return differences(stats, log);
  return stats.processed === null ? [] : [`processed ${stats.processed}, not in the log`];
}

function loadStep(verdict: ProgramVerdict | undefined): Step {
  if (verdict === undefined) return none;
  if (verdict.verdict === 'accepted') return yes();
  const { category, title, message } = verdict.reason ?? { category: 'unknown', title: 'no reason given', message: '' };
  const step = no(oneLine(message === '' ? title : `${title}: ${message}`), category);
  return verdict.verdict === 'skipped' ? { ...step, ok: null } : step;
}

interface Prepared {
  file: CorpusFile;
  object: string;
  report: InspectReport;
  chosen: ChosenTargets;
  load: LoadOptions;
}

/** The whole object first, as a person would; then alone what another program of the object took the place of. */
async function attachAll(prepared: Prepared, options: TryOptions, result: FileResult): Promise<void> {
  const first = await attachOnce(prepared, [], options, result);
  const again = first?.leftOut.filter((l) => l.instead !== '' || l.error.code === 'attach-failed') ?? [];
  for (const { program, instead } of again) {
    const row = result.programs.find((p) => p.program === program);
    if (options.signal.aborted || !row) return;
    const [beside, loads] = [row.attaches, row.loads];
    const alone = await attachOnce(prepared, [program], options, result);
    const why = instead !== '' ? `${instead} is preferred` : 'its place takes one program';
    if (alone) row.attaches = { ...row.attaches, text: `${row.attaches.text} (alone; ${why})` };
    else if (instead !== '')
      [row.attaches, row.loads] = [{ ...beside, text: `${beside.text}; alone: ${row.attaches.text}` }, loads];
  }
}

/** null when nothing was attached; the rows say why. */
async function attachOnce(
  prepared: Prepared,
  programs: string[],
  options: TryOptions,
  result: FileResult,
): Promise<RunSummary | null> {
  const { engine, place, seconds } = options;
  const { report, chosen } = prepared;
  const rows = result.programs.filter((p) => programs.length === 0 || programs.includes(p.program));
  const seen = new Seen();
  const stopListening = engine.on('runEvents', (_id, events) => seen.add(events));
  const activity = await place.start(seconds, chosen.standIn !== '');
  let run: RunSummary | undefined;
  try {
    run = await engine.attach(
      spec(prepared, programs, options, activity),
      within(options, programs.length === 0 ? report.programs.length : 0),
    );
    activity.go();
    await Promise.race([activity.done, sleep(seconds * 1000 + options.stepMs / 2), aborted(options.signal)]);
    await sleep(500);
    const walked = await soon(iterators(engine, run, report), options.stepMs, 'reading the iterators');
    const ended = await soon(engine.detach(run.id), options.stepMs, 'detaching');
    for (const row of rows) fill(row, run, ended, seen, walked);
    noteOnce(
      result.notes,
      run.notes.map((n) => `${n.about === '' ? '' : `${n.about}: `}${n.text}`),
    );
    return run;
  } catch (error) {
    const reason = failed(error);
    for (const row of rows) if (row.loads.ok !== false) row.attaches = reason;
    return null;
  } finally {
    stopListening();
    activity.go(); // an attach that failed left it waiting
    activity.stop();
    if (run) await soon(engine.forget(run.id), options.stepMs, 'detaching').catch(() => undefined);
  }
}

function spec(
  { file, object, report, chosen, load }: Prepared,
  programs: string[],
  { place, seconds }: TryOptions,
  activity: Activity,
): AttachSpec {
  // What many examples' own user space sets: the process whose work is watched.
  const own = report.globals.some((g) => g.name === 'my_pid');
  const records = report.maps.some((m) => m.type === 'ringbuf' || m.type === 'perf_event_array');
  return {
    file: file.path,
    ...(file.kind === 'source' && { object }),
    hosts: [place.shell.host],
    programs,
    targets: chosen.targets,
    load,
    set: own ? { my_pid: String(activity.pid) } : {},
    where: '',
    durationSeconds: null,
    count: null,
    // Whoever tries a folder of programs on a host has agreed to what they do there.
    confirmed: [...guardRules],
    mapsSeconds: records ? null : Math.max(0.5, seconds / 2),
    emitEvents: true,
  };
}

/** What came of a run, counted. */
class Seen {
  readonly prints = new Map<string, number>();
  readonly records = new Map<string, number>();
  private readonly maps = new Map<string, string>();
  readonly changed = new Set<string>();

  add(events: readonly RunEvent[]): void {
    for (const e of events) {
      if (e.type === 'print') this.prints.set(e.program, (this.prints.get(e.program) ?? 0) + 1);
      else if (e.type === 'event') this.records.set(e.record, (this.records.get(e.record) ?? 0) + 1);
      else if (e.type === 'map') this.map(e.map, JSON.stringify(e.entries));
    }
  }

  private map(name: string, entries: string): void {
    if (name.startsWith('__bpf_')) return; // libbpf's own, for USDT
    const before = this.maps.get(name);
    if (before !== undefined ? before !== entries : /[1-9]/.test(entries.replace(/"key":("[^"]*"|\d+)/g, ''))) {
      this.changed.add(name);
    }
    this.maps.set(name, entries);
  }
}

/** Iterators run when somebody reads them: lines by program. */
async function iterators(engine: Engine, run: RunSummary, { programs }: InspectReport): Promise<Map<string, number>> {
  const lines = new Map<string, number>();
  for (const { program, host } of run.attachments) {
    if (programs.find((p) => p.name === program)?.attach !== 'iter') continue;
    const { text } = await engine.readIterator(run.id, host, program);
    lines.set(program, text.split('\n').length - 1);
  }
  return lines;
}

function fill(row: ProgramResult, run: RunSummary, ended: RunSummary, seen: Seen, walked: Map<string, number>): void {
  const attachment = run.attachments.find((a) => a.program === row.program);
  const left = run.leftOut.find((l) => l.program === row.program);
  if (!attachment) {
    if (left) row.attaches = leftOutStep(left);
    return;
  }
  row.attaches = yes(attachment.target);
  // It may load beside others what it did not load alone, or in the other instruction set.
  row.loads = yes(row.loads.text);
  row.delivers = delivery(row.program, ended, seen, walked.get(row.program) ?? 0);
}

function leftOutStep({ error, instead }: LeftOutProgram): Step {
  if (instead !== '') return { ok: null, text: `variant of ${instead}`, why: '' };
  return no(oneLine(error.message), error.code);
}

/** Records and map changes are the object's; runs and prints are the program's own. */
function delivery(program: string, ended: RunSummary, seen: Seen, lines: number): Step {
  const runs = ended.programs.find((p) => p.name === program)?.runs ?? 0;
  const records = ended.ledger.streams.reduce((sum, s) => sum + s.delivered, 0);
  const prints = seen.prints.get(program) ?? 0;
  const types = [...seen.records.keys()].filter((t) => t !== '').slice(0, 3);
  const parts = [
    records > 0 ? `${records} records${types.length > 0 ? ` (${types.join(', ')})` : ''}` : '',
    prints > 0 ? `${prints} prints` : '',
    lines > 0 ? `${lines} lines` : '',
    seen.changed.size > 0 ? `map ${[...seen.changed].slice(0, 3).join(', ')}` : '',
    runs > 0 ? `${runs} runs` : '',
  ].filter((part) => part !== '');
  if (runs > 0 || prints > 0 || lines > 0) return yes(parts.join(', '));
  return no('attached, but nothing of the activity triggered it', 'not triggered');
}

function noteOnce(notes: string[], more: readonly string[]): void {
  for (const note of more) if (!notes.includes(note)) notes.push(note);
}

function failed(error: unknown): Step {
  const { code, message } = RingsideError.from(error);
  return code === 'cancelled' ? no('took longer than a step may', 'took too long') : no(oneLine(message), code);
}

/** What does not come in time is left: the next file goes on. */
async function soon<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RingsideError('host-timeout', `${what} took longer than ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
