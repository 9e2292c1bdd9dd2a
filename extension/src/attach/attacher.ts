import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { AttachSpec, ProgramInfo, RunSummary } from '@ringside/core/model';
import type { CallOptions, Engine } from '@ringside/core/rpc';
import { runLimits, storeBytes } from '../config.ts';
import type { Verifier } from '../diagnostics/verifier.ts';
import { DeclinedVersion, ExtensionError, errorData } from '../errors.ts';
import type { ErrorReporter } from '../errors.ts';
import { isLive, leftOutText, redeployedText } from '../format.ts';
import type { ChosenHosts } from '../model/chosenHosts.ts';
import type { HostList } from '../model/hostList.ts';
import type { RunList } from '../model/runList.ts';
import { withProgress, withQuietProgress } from '../progress.ts';
import { pickHost } from './hostPicker.ts';
import type { RememberedSpecs } from './rememberedSpecs.ts';
import { askTargets } from './targetPrompt.ts';

export interface AttacherParts {
  engine: Engine;
  errors: ErrorReporter;
  hosts: HostList;
  chosenHosts: ChosenHosts;
  runs: RunList;
  verifier: Verifier;
  specs: RememberedSpecs;
  memory: vscode.Memento;
}

/** A run took another's place (restart): panels and debug sessions move on to it. */
export interface Replacement {
  before: string;
  /** null when the old run ended and no new one came of it. */
  run: RunSummary | null;
}

/** What is kept of a run that was attached from here. */
interface Origin {
  /** Without the object: a restart builds anew. */
  spec: AttachSpec;
  programs: ProgramInfo[];
  /** What it was built to, for its first host. */
  object: string;
  /** Headers of the project that are in it. */
  headers: string[];
}

/** An attach that has begun. `run` gives undefined when the user leaves a question, and rejects when it fails. */
export interface WillAttach {
  file: string;
  hosts: string[];
  run: Promise<RunSummary | undefined>;
}

/** The one way to attach: commands, F5, restart and a panel that came back after a reload all go through here. */
export class Attacher implements vscode.Disposable {
  readonly #parts: AttacherParts;
  readonly #origins = new Map<string, Origin>();
  readonly #restarting = new Set<string>();
  /** Runs that a debug session's end stopped, which may be the window's end. */
  readonly #maybeClosing = new Set<string>();
  readonly #attached = new vscode.EventEmitter<RunSummary>();
  readonly #willAttach = new vscode.EventEmitter<WillAttach>();
  readonly #replaced = new vscode.EventEmitter<Replacement>();
  /** A run was started by its user; restarts and panels that came back tell `onDidReplace` or nobody. */
  readonly onDidAttach = this.#attached.event;
  /** File and hosts are known and the work begins: what takes time of its own can begin beside it. */
  readonly onWillAttach = this.#willAttach.event;
  readonly onDidReplace = this.#replaced.event;
  readonly #subscription: vscode.Disposable;

  constructor(parts: AttacherParts) {
    this.#parts = parts;
    this.#subscription = parts.runs.onDidChange(({ run, structure }) => {
      const spec = this.specOf(run.id);
      if (!structure || spec === undefined || isLive(run)) return;
      if (this.#maybeClosing.has(run.id)) parts.specs.endedUnlessClosing(spec);
      else void parts.specs.set(spec, false);
    });
  }

  /**
   * Everything from a source file to a live run: host and targets are asked for where the draft leaves them open, then
   * it is built and attached under one notification. Gives undefined when the user leaves a question.
   */
  async start(
    draft: AttachSpec,
    options: { chooseHost?: boolean; signal?: AbortSignal; keepSeconds?: number } = {},
  ): Promise<RunSummary | undefined> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    const file = vscode.Uri.file(draft.file);
    await saveIfDirty(file);
    const hosts = draft.hosts.length > 0 ? draft.hosts : await this.#askHost(file, options.chooseHost === true);
    if (hosts === undefined) return undefined;
    await this.#parts.chosenHosts.set(file, hosts[0]!, hosts.length > 1 ? hosts.slice(1) : undefined);
    const job = async (call: Required<CallOptions>): Promise<RunSummary | undefined> => {
      const built = await this.#build(draft, hosts[0]!, call);
      const context = {
        engine: this.#parts.engine,
        host: hosts[0]!,
        file: draft.file,
        memory: this.#parts.memory,
        known: draft.targets,
      };
      const targets = await askTargets(built.programs, context);
      if (targets === undefined) return undefined;
      const attached = await this.#attach({ ...draft, hosts, targets }, built, call);
      return options.keepSeconds === undefined ? attached : await this.#keepOrEnd(attached, options.keepSeconds);
    };
    const working = withProgress(attachTitle(draft.file, hosts), job, options.signal);
    this.#willAttach.fire({ file: draft.file, hosts, run: working });
    const run = await working;
    if (run !== undefined) this.#attached.fire(run);
    return run;
  }

  async #askHost(file: vscode.Uri, choose: boolean): Promise<string[] | undefined> {
    const host = await this.hostFor(file, choose);
    return host === undefined ? undefined : [host];
  }

  /** The host of a file: the one chosen before, or asked for. */
  async hostFor(file: vscode.Uri, choose = false): Promise<string | undefined> {
    const { chosenHosts, hosts } = this.#parts;
    const before = chosenHosts.get(file);
    if (before !== undefined && !choose) return before;
    const host = await pickHost(hosts, before ?? chosenHosts.last, `Host for ${basename(file.fsPath)}`);
    if (host !== undefined) await chosenHosts.set(file, host, []);
    return host;
  }

  /** Builds the source (compiler errors become diagnostics) and reads the programs that would be attached. */
  async #build(spec: AttachSpec, host: string, call: Required<CallOptions>, saved = false): Promise<Built> {
    const file = vscode.Uri.file(spec.file);
    // Saving may have started a verification: it would load the same program a second time. What a save brings about itself
    // goes on beside it, for the verdicts above the programs.
    if (!saved) this.#parts.verifier.cancel(file);
    const { object, headers } = await this.#parts.verifier.build(file, host, call);
    const { programs } = await this.#parts.engine.inspect(object, call);
    const wanted = (program: ProgramInfo): boolean =>
      spec.programs.length === 0 ? program.autoload : spec.programs.includes(program.name);
    return { object, headers, programs: programs.filter(wanted) };
  }

  /** Attaches a finished spec (restart, a panel after a reload), with progress and Cancel. */
  async attach(spec: AttachSpec, signal?: AbortSignal): Promise<RunSummary> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    const job = async (call: Required<CallOptions>): Promise<RunSummary> =>
      await this.#attach(spec, await this.#build(spec, spec.hosts[0]!, call), call);
    return await withProgress(attachTitle(spec.file, spec.hosts), job, signal);
  }

  async #attach(spec: AttachSpec, built: Built, call: Required<CallOptions>): Promise<RunSummary> {
    const { engine, runs, specs } = this.#parts;
    const { object, programs, headers } = built;
    const started = performance.now();
    try {
      // Other hosts may have other kernels and processors: they get builds of their own.
      const limited = { ...spec, limits: { ...runLimits(), ...spec.limits } };
      const run = await engine.attach(spec.hosts.length === 1 ? { ...limited, object } : limited, call);
      this.#origins.set(run.id, { spec, programs, object, headers });
      await specs.set(spec, true);
      runs.update(run);
      await runs.dropForgotten();
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      vscode.window.setStatusBarMessage(`Attached ${run.name} to ${run.hosts.join(', ')} in ${seconds} s`, 5000);
      sayLeftOut(run);
      return run;
    } catch (error) {
      this.#explain(spec, error);
      throw error;
    }
  }

  /** A run that cannot be kept as asked is not begun. */
  async #keepOrEnd(run: RunSummary, seconds: number): Promise<RunSummary> {
    try {
      return await this.keep(run.id, seconds);
    } catch (error) {
      await this.stop(run.id);
      throw error;
    }
  }

  /** Lets a run outlive this window for so long; 0 takes that back. */
  async keep(runId: string, seconds: number): Promise<RunSummary> {
    const { engine, runs, specs } = this.#parts;
    const run = await engine.keep(runId, seconds);
    const spec = this.specOf(runId);
    // What goes on by itself is not attached a second time after a reload: it is found again.
    if (spec !== undefined) await specs.set(spec, run.kept.length === 0);
    runs.update(run);
    return run;
  }

  /** Goes away from a run; what of it is kept goes on. */
  async leave(runId: string): Promise<RunSummary> {
    const run = await this.#parts.engine.leave(runId);
    this.#parts.runs.update(run);
    return run;
  }

  /** A rejection is shown where it belongs, in the source: the verify call finds the line and the cause. */
  #explain(spec: AttachSpec, error: unknown): void {
    if (errorData(error).code !== 'verifier-rejected') return;
    void this.#parts.verifier.verify(vscode.Uri.file(spec.file), spec.hosts[0]!, { quiet: true, set: spec.set });
  }

  specOf(runId: string): AttachSpec | undefined {
    return this.#origins.get(runId)?.spec;
  }

  /** The programs of a run with their places in the source; empty when it was not attached from here. */
  programsOf(runId: string): ProgramInfo[] {
    return this.#origins.get(runId)?.programs ?? [];
  }

  /** Whether a run is of this file: its source, or a header of the project that its version includes. */
  isMadeOf(runId: string, file: string): boolean {
    const origin = this.#origins.get(runId);
    return origin !== undefined && (origin.spec.file === file || origin.headers.includes(file));
  }

  /** True while another run is about to take this one's place: that it ends is not the end. */
  isRestarting(runId: string): boolean {
    return this.#restarting.has(runId);
  }

  /** Detaches. `maybeClosing`: not the user but the window's end may be the reason, and then the run is to come back. */
  async stop(runId: string, { maybeClosing = false } = {}): Promise<RunSummary> {
    const { engine, runs, specs } = this.#parts;
    const spec = this.specOf(runId);
    if (maybeClosing) this.#maybeClosing.add(runId);
    if (spec !== undefined && maybeClosing) specs.endedUnlessClosing(spec);
    else if (spec !== undefined) await specs.set(spec, false);
    const run = await engine.detach(runId);
    runs.update(run);
    return run;
  }

  /**
   * Builds again what the run attached. A live run gets the new version in the old one's place, without a gap, and stays as
   * it is when that fails; a run that has ended is attached anew. `saved`: because of a save, so what was typed since stays
   * unsaved, and nothing is shown in front of what is being typed.
   */
  async restart(
    runId: string,
    { set, signal, saved = false }: { set?: AttachSpec['set']; signal?: AbortSignal; saved?: boolean } = {},
  ): Promise<RunSummary> {
    const before = this.specOf(runId);
    // Other globals are the program's from now on, also over a reload of the window.
    const spec = before && set ? { ...before, set } : before;
    if (spec === undefined) {
      throw new ExtensionError({
        code: 'usage',
        message: 'This run cannot be started again.',
        remedy: 'Attach the program from its source.',
      });
    }
    if (this.#restarting.has(runId)) throw new ExtensionError({ code: 'cancelled', message: 'It restarts already.' });
    this.#restarting.add(runId);
    let run: RunSummary | null = null;
    try {
      if (!saved) await saveIfDirty(vscode.Uri.file(spec.file));
      const current = this.#parts.runs.get(runId);
      if (current !== undefined && isLive(current)) return await this.#redeploy(runId, spec, saved, signal);
    } catch (error) {
      this.#restarting.delete(runId);
      throw error;
    }
    try {
      run = await this.attach(spec, signal);
      return run;
    } finally {
      this.#restarting.delete(runId);
      this.#replaced.fire({ before: runId, run });
    }
  }

  /**
   * Attaches once more what ended with its connection: the same object, options and targets. Only an object that is not
   * there any more is built again.
   */
  async startAgain(runId: string): Promise<RunSummary> {
    const origin = this.#origins.get(runId);
    if (origin === undefined || !existsSync(origin.object)) return await this.restart(runId);
    if (!vscode.workspace.isTrusted) throw untrusted();
    if (this.#restarting.has(runId)) throw new ExtensionError({ code: 'cancelled', message: 'It restarts already.' });
    this.#restarting.add(runId);
    let run: RunSummary | null = null;
    const { spec } = origin;
    try {
      run = await withProgress(attachTitle(spec.file, spec.hosts), (call) => this.#attach(spec, origin, call));
      return run;
    } finally {
      this.#restarting.delete(runId);
      this.#replaced.fire({ before: runId, run });
    }
  }

  async #redeploy(runId: string, spec: AttachSpec, saved: boolean, signal?: AbortSignal): Promise<RunSummary> {
    const show = saved ? withQuietProgress : withProgress;
    const job = async (call: Required<CallOptions>): Promise<RunSummary> => {
      const { object, programs, headers } = await this.#build(spec, spec.hosts[0]!, call, saved);
      const { engine, runs } = this.#parts;
      const { programs: chosen, targets, set } = spec;
      const changes = { programs: chosen, targets, set, ...(spec.load && { load: spec.load }) };
      try {
        const one = spec.hosts.length === 1;
        const run = await engine.redeploy(runId, one ? { ...changes, object } : changes, call);
        this.#origins.set(runId, { spec, programs, object, headers });
        await this.#parts.specs.set(spec, true);
        runs.update(run);
        vscode.window.setStatusBarMessage(redeployedText(run), 8000);
        sayLeftOut(run);
        return run;
      } catch (error) {
        this.#explain(spec, error);
        // Asked before anything is changed; what was refused later has ended the run.
        const isAsked = errorData(error).code === 'guard-confirmation-needed';
        throw isAsked ? new DeclinedVersion(errorData(error), programTitle(spec.file)) : error;
      } finally {
        this.#restarting.delete(runId);
      }
    };
    return await show(`Ringside: redeploying ${programTitle(spec.file)} on ${spec.hosts.join(', ')}`, job, signal);
  }

  async pause(runId: string, paused: boolean): Promise<void> {
    await this.#parts.engine.pause(runId, paused);
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#attached.dispose();
    this.#willAttach.dispose();
    this.#replaced.dispose();
  }
}

/** Most reasons that a notification shows; the run's tooltip has all of them. */
const MOST_REASONS = 3;

/** Programs that another variant of their hook stands for are no loss: the tooltip names them, no notification does. */
function sayLeftOut(run: RunSummary): void {
  const lost = run.leftOut.filter((left) => left.instead === '');
  if (lost.length === 0) return;
  const more = lost.length > MOST_REASONS ? [`and ${lost.length - MOST_REASONS} more`] : [];
  const reasons = [...lost.slice(0, MOST_REASONS).map(leftOutText), ...more];
  void vscode.window.showWarningMessage(`${run.name} runs, but not all of it. ${reasons.join(' ')}`);
}

type Built = Omit<Origin, 'spec'>;

/** A spec with nothing chosen yet. */
export function draftSpec(file: string, given: Partial<AttachSpec> = {}): AttachSpec {
  return {
    file,
    hosts: [],
    programs: [],
    targets: [],
    set: {},
    where: '',
    durationSeconds: null,
    count: null,
    mapsSeconds: null,
    storeBytes: storeBytes(),
    ...given,
  };
}

const attachTitle = (file: string, hosts: string[]): string =>
  `Ringside: attaching ${programTitle(file)} to ${hosts.join(', ')}`;

/** "execsnoop" for execsnoop.bpf.c. */
export const programTitle = (file: string): string => basename(file).replace(/(\.bpf)?\.[co]$/, '');

/** What is attached is what stands in the editor. */
export async function saveIfDirty(file: vscode.Uri): Promise<void> {
  const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === file.toString());
  if (document?.isDirty && !(await document.save())) {
    throw new ExtensionError({ code: 'cancelled', message: `${basename(file.fsPath)} was not saved.` });
  }
}

export const untrusted = (): ExtensionError =>
  new ExtensionError({
    code: 'no-permission',
    message: 'This window is in Restricted Mode.',
    remedy: 'Trust the workspace to build programs and to reach hosts.',
  });
