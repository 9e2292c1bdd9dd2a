import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { AttachSpec, RunSummary } from '@ringside/core/model';
import type { CallOptions, Engine } from '@ringside/core/rpc';
import { storeBytes } from '../config.ts';
import type { Verifier } from '../diagnostics/verifier.ts';
import { ExtensionError, errorData } from '../errors.ts';
import type { ErrorReporter } from '../errors.ts';
import { isLive } from '../format.ts';
import type { ChosenHosts } from '../model/chosenHosts.ts';
import type { HostList } from '../model/hostList.ts';
import type { RunList } from '../model/runList.ts';
import { withProgress } from '../progress.ts';
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
  run: RunSummary;
}

/** The one way to attach: commands, F5, restart and a panel that came back after a reload all go through here. */
export class Attacher implements vscode.Disposable {
  readonly #parts: AttacherParts;
  readonly #specs = new Map<string, AttachSpec>();
  readonly #attached = new vscode.EventEmitter<RunSummary>();
  readonly #replaced = new vscode.EventEmitter<Replacement>();
  readonly onDidAttach = this.#attached.event;
  readonly onDidReplace = this.#replaced.event;
  readonly #subscription: vscode.Disposable;

  constructor(parts: AttacherParts) {
    this.#parts = parts;
    this.#subscription = parts.runs.onDidChange(({ run, structure }) => {
      const spec = this.#specs.get(run.id);
      if (structure && spec !== undefined && !isLive(run)) void parts.specs.set(spec, false);
    });
  }

  /**
   * Everything from a source file to a live run: host and targets are asked for where the draft leaves them open, then
   * it is built and attached under one notification. Gives undefined when the user leaves a question.
   */
  async start(
    draft: AttachSpec,
    options: { chooseHost?: boolean; signal?: AbortSignal } = {},
  ): Promise<RunSummary | undefined> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    const file = vscode.Uri.file(draft.file);
    await saveIfDirty(file);
    const hosts = draft.hosts.length > 0 ? draft.hosts : await this.#askHost(file, options.chooseHost === true);
    if (hosts === undefined) return undefined;
    const job = async (call: Required<CallOptions>): Promise<RunSummary | undefined> => {
      const programs = await this.#programs(draft, hosts[0]!, call);
      const context = { host: hosts[0]!, file: draft.file, memory: this.#parts.memory, known: draft.targets };
      const targets = await askTargets(programs, context);
      return targets === undefined ? undefined : await this.#attach({ ...draft, hosts, targets }, call);
    };
    return await withProgress(attachTitle(draft.file, hosts), job, options.signal);
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
    if (host !== undefined) await chosenHosts.set(file, host);
    return host;
  }

  /** Builds the source (compiler errors become diagnostics) and gives the programs that would be attached. */
  async #programs(draft: AttachSpec, host: string, call: Required<CallOptions>) {
    const object = await this.#parts.verifier.build(vscode.Uri.file(draft.file), host, call);
    const report = await this.#parts.engine.inspect(object, call);
    return report.programs.filter((p) => (draft.programs.length === 0 ? p.autoload : draft.programs.includes(p.name)));
  }

  /** Attaches a finished spec (restart, a panel after a reload), with progress and Cancel. */
  async attach(spec: AttachSpec, signal?: AbortSignal): Promise<RunSummary> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    return await withProgress(attachTitle(spec.file, spec.hosts), (call) => this.#attach(spec, call), signal);
  }

  async #attach(spec: AttachSpec, call: Required<CallOptions>): Promise<RunSummary> {
    const { engine, runs, specs } = this.#parts;
    const started = performance.now();
    try {
      const run = await engine.attach(spec, call);
      this.#specs.set(run.id, spec);
      await specs.set(spec, true);
      runs.update(run);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      vscode.window.setStatusBarMessage(`Attached ${run.name} to ${run.hosts.join(', ')} in ${seconds} s`, 5000);
      this.#attached.fire(run);
      return run;
    } catch (error) {
      this.#explain(spec, error);
      throw error;
    }
  }

  /** A rejection is shown where it belongs, in the source: the verify call finds the line and the cause. */
  #explain(spec: AttachSpec, error: unknown): void {
    if (errorData(error).code !== 'verifier-rejected') return;
    void this.#parts.verifier.verify(vscode.Uri.file(spec.file), spec.hosts[0]!, { quiet: true, set: spec.set });
  }

  specOf(runId: string): AttachSpec | undefined {
    return this.#specs.get(runId);
  }

  async stop(runId: string): Promise<RunSummary> {
    const { engine, runs, specs } = this.#parts;
    const spec = this.#specs.get(runId);
    if (spec !== undefined) await specs.set(spec, false);
    const run = await engine.detach(runId);
    runs.update(run);
    return run;
  }

  /** Builds and attaches again what the run attached; the old run ends first and its rows are kept. */
  async restart(runId: string, signal?: AbortSignal): Promise<RunSummary> {
    const spec = this.#specs.get(runId);
    if (spec === undefined) {
      throw new ExtensionError({
        code: 'usage',
        message: 'This run cannot be started again.',
        remedy: 'Attach the program from its source.',
      });
    }
    await saveIfDirty(vscode.Uri.file(spec.file));
    const before = this.#parts.runs.get(runId);
    if (before !== undefined && isLive(before)) await this.stop(runId);
    const run = await this.attach(spec, signal);
    this.#replaced.fire({ before: runId, run });
    return run;
  }

  async pause(runId: string, paused: boolean): Promise<void> {
    await this.#parts.engine.pause(runId, paused);
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#attached.dispose();
    this.#replaced.dispose();
  }
}

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
