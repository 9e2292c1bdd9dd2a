import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { BuildResult, VerifyReport } from '@ringside/core/model';
import type { CallOptions, Engine } from '@ringside/core/rpc';
import { Command } from '../contributions.ts';
import { ExtensionError, errorData } from '../errors.ts';
import type { ErrorReporter } from '../errors.ts';
import type { KnownVerdict, Verdicts } from '../model/verdicts.ts';
import { withProgress, withQuietProgress } from '../progress.ts';
import type { VirtualDocuments } from '../virtualDocuments.ts';
import type { BuildAhead } from './buildAhead.ts';
import type { DiagnosticSets } from './diagnosticSets.ts';
import { newVerdictLog, type VerdictLog } from './verdictLogs.ts';

export interface VerifierParts {
  engine: Engine;
  errors: ErrorReporter;
  documents: VirtualDocuments;
  verdicts: Verdicts;
  diagnostics: DiagnosticSets;
  cacheDir: string;
  ahead?: BuildAhead;
}

export interface VerifyOptions {
  /** Not asked for (on save, after a failed attach): no notification, failures go to the log only. */
  quiet?: boolean;
  programs?: string[];
  set?: Record<string, string>;
}

/** Builds sources and asks hosts for their verdict; what they say becomes diagnostics and CodeLens text. */
export class Verifier implements vscode.Disposable {
  readonly #parts: VerifierParts;
  readonly #target = new vscode.EventEmitter<NonNullable<BuildResult['target']>>();
  /** The kernel that the last build was for: the language server checks against the same. */
  readonly onDidBuildFor = this.#target.event;
  readonly #busy = new vscode.EventEmitter<boolean>();
  /** True when the first verification begins, false when the last one has ended. */
  readonly onDidChangeBusy = this.#busy.event;
  /** The running verification of each file: a newer one ends it. */
  readonly #running = new Map<string, AbortController>();

  /** What the status bar says of the last one that was accepted: the next one may not be. */
  #accepted: vscode.Disposable | undefined;

  constructor(parts: VerifierParts) {
    this.#parts = parts;
  }

  /**
   * Builds a source, shows what the compiler says, and gives the object's path with the project's headers that are in it.
   * Throws `build-failed`.
   */
  async build(file: vscode.Uri, host: string, call: CallOptions): Promise<{ object: string; headers: string[] }> {
    if (file.fsPath.endsWith('.o')) return { object: file.fsPath, headers: [] };
    const ahead = await this.#parts.ahead?.take(file, host);
    const result = ahead ?? (await this.#parts.engine.build({ file: file.fsPath, host }, call));
    this.#parts.diagnostics.setCompiler(file, result.diagnostics);
    if (result.target !== undefined) this.#target.fire(result.target);
    if (result.ok) return { object: result.object, headers: result.headers ?? [] };
    const errors = result.diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
    const first = errors[0];
    const count = errors.length === 1 ? 'an error' : `${errors.length} errors`;
    throw new ExtensionError({
      code: 'build-failed',
      message: `${basename(file.fsPath)} has ${count}${first ? `: line ${first.line}: ${first.message}.` : '.'}`,
      remedy: 'The Problems view lists what the compiler found.',
      detail: errors.map((e) => `${e.file}:${e.line}:${e.column}: ${e.message}`).join('\n'),
    });
  }

  /** Verifies on a host. Failures are shown (or logged, when quiet), never thrown; true when every program passed. */
  async verify(file: vscode.Uri, host: string, options: VerifyOptions = {}): Promise<boolean> {
    const key = file.toString();
    this.#running.get(key)?.abort();
    const abort = new AbortController();
    if (this.#running.size === 0) this.#busy.fire(true);
    this.#running.set(key, abort);
    this.#accepted?.dispose();
    const show = options.quiet ? withQuietProgress : withProgress;
    const title = `Ringside: verifying ${basename(file.fsPath)} on ${host}`;
    try {
      return await show(title, (call) => this.#verify(file, host, options, call), abort.signal);
    } catch (error) {
      if (!options.quiet) void this.#parts.errors.show(error, { retry: () => this.verify(file, host, options) });
      else if (errorData(error).code !== 'cancelled') this.#parts.errors.log(error);
      return false;
    } finally {
      if (this.#running.get(key) === abort) {
        this.#running.delete(key);
        if (this.#running.size === 0) this.#busy.fire(false);
      }
    }
  }

  /** Ends a verification that is under way. */
  cancel(file: vscode.Uri): void {
    this.#running.get(file.toString())?.abort();
  }

  async #verify(file: vscode.Uri, host: string, options: VerifyOptions, call: Required<CallOptions>): Promise<boolean> {
    const version = openVersion(file);
    // The build's own result carries the compiler's findings, which an error of verify does not.
    const { object } = await this.build(file, host, call);
    const { programs = [], set = {} } = options;
    const outcome = await verifyWithLog(this.#parts, { file, verify: object, host, programs, set }, call);
    if (call.signal.aborted || outcome === undefined) return false;
    this.#publish(file, outcome.report, outcome.log, version);
    if (!options.quiet) this.#announce(file, outcome.report);
    return outcome.report.ok;
  }

  #publish(file: vscode.Uri, report: VerifyReport, fullLog: string, version: number): void {
    const name = `${basename(file.fsPath)} on ${report.host} (${report.kernel}).verifier.log`;
    const log = this.#parts.documents.put(name, { file: fullLog });
    const known = report.programs.map((verdict): Omit<KnownVerdict, 'before'> => ({
      verdict,
      host: report.host,
      kernel: report.kernel,
      log,
      version,
    }));
    this.#parts.verdicts.set(file, known);
    this.#parts.diagnostics.setVerdicts(file, report.host, report.programs, log);
  }

  #announce(file: vscode.Uri, report: VerifyReport): void {
    const rejected = report.programs.filter((program) => program.verdict === 'rejected');
    if (rejected.length === 0) {
      const words = `${report.host} accepts ${basename(file.fsPath)} (kernel ${report.kernel})`;
      this.#accepted = vscode.window.setStatusBarMessage(words, 5000);
      return;
    }
    const first = rejected[0]!;
    const error = new ExtensionError({
      code: 'verifier-rejected',
      message: `${report.host} rejects ${rejected.map((program) => program.name).join(', ')}: ${first.reason?.title ?? 'no reason given'}.`,
    });
    const known = this.#parts.verdicts.get(file, first.name);
    const explore = known
      ? [{ title: 'Explore', run: () => vscode.commands.executeCommand(Command.explore, file, first.name) }]
      : [];
    const problems = {
      title: 'Show Problems',
      run: () => vscode.commands.executeCommand('workbench.actions.view.problems'),
    };
    void this.#parts.errors.show(error, { actions: [problems, ...explore] });
  }

  dispose(): void {
    for (const abort of this.#running.values()) abort.abort();
    this.#running.clear();
    this.#target.dispose();
    this.#busy.dispose();
  }
}

export interface LoggedVerification {
  /** The source that people know. */
  file: vscode.Uri;
  /** What is verified: the source, or the object that it was built to. */
  verify: string;
  host: string;
  programs: string[];
  set: Record<string, string>;
  /** With every path in the log, for the explorer: it is kept beside the usual one. */
  everyPath?: boolean;
}

/** Asks one host for its verdict and keeps the log for the explorer. Throws the host's error. */
export async function verifyWithLog(
  { engine, cacheDir }: Pick<VerifierParts, 'engine' | 'cacheDir'>,
  { file, verify, host, programs, set, everyPath = false }: LoggedVerification,
  call: Required<CallOptions>,
): Promise<({ report: VerifyReport } & VerdictLog) | undefined> {
  const pending = await newVerdictLog(cacheDir, file, host, everyPath ? '.whole' : '');
  try {
    const { log: fullLog, record } = pending;
    const request = { file: verify, hosts: [host], programs, set, fullLog, record, source: file.fsPath, everyPath };
    const [outcome] = await engine.verify(request, call);
    if (outcome === undefined || call.signal.aborted) return undefined;
    if ('error' in outcome) throw new ExtensionError(outcome.error);
    return { report: outcome, ...(await pending.keep()) };
  } finally {
    await pending.discard();
  }
}

function openVersion(file: vscode.Uri): number {
  return vscode.workspace.textDocuments.find((document) => document.uri.toString() === file.toString())?.version ?? 0;
}
