/**
 * Checks open programs while they are typed: debounced, one run per document, old runs stopped. Starting a compiler holds
 * the server up for some milliseconds, so other documents wait while one is typed in, and few are compiled at once.
 */
import { availableParallelism } from 'node:os';
import type { BuildOptions } from '@ringside/core/build';
import { RingsideError } from '@ringside/core/errors';
import type { BuildResult } from '@ringside/core/model';
import { DiagnosticSeverity, type Diagnostic } from 'vscode-languageserver';
import { toLspDiagnostics } from './diagnostics.ts';
import type { InitializationOptions, TargetParams } from './protocol.ts';
import { Target } from './target.ts';

/** A document as the editor has it now. */
export interface CheckedDocument {
  uri: string;
  /** Absolute path. */
  file: string;
  version: number;
  text: string;
}

export interface CheckerServices {
  build(options: BuildOptions): Promise<BuildResult>;
  /** The header of this machine's kernel. Error: `no-vmlinux`. */
  localHeader(cacheDir: string): Promise<string>;
  /** True when the program includes vmlinux.h and has none of its own, so that the target's is needed. */
  needsVmlinux(file: string, text: string): boolean;
  /** The flags that a build came to: those of headers that it had to look for are among them. */
  built?(uri: string, flags: readonly string[]): void;
  publish(uri: string, version: number, diagnostics: Diagnostic[]): void;
  log(message: string): void;
}

interface Entry {
  document: CheckedDocument;
  /** When it was to be checked, by `performance.now()`. */
  due: number;
  timer: NodeJS.Timeout | undefined;
  running: AbortController | undefined;
}

const DEBOUNCE_MS = 150;
/** A document waits no longer than that for the typing in another. */
const PATIENCE_MS = 1000;
/** Compilers at once: with hundreds of programs open, a new header would start as many. */
const AT_ONCE = Math.max(2, Math.min(4, availableParallelism()));

export class Checker {
  private readonly entries = new Map<string, Entry>();
  /** Those whose turn comes when another is done: the one that was changed last first. */
  private readonly waiting = new Set<Entry>();
  private compiling = 0;
  private typed: { uri: string; at: number } | undefined;
  /** The kernel that programs are checked against. */
  readonly target: Target;

  constructor(
    private readonly options: InitializationOptions,
    private readonly services: CheckerServices,
  ) {
    this.target = new Target(() => services.localHeader(options.cacheDir));
  }

  /** An opened document is checked at once. */
  open(document: CheckedDocument): void {
    this.entries.set(document.uri, { document, due: 0, timer: undefined, running: undefined });
    this.schedule(document.uri, 0);
  }

  /** A changed one after a moment without further changes. */
  change(document: CheckedDocument): void {
    const entry = this.entries.get(document.uri);
    if (!entry) {
      this.open(document);
      return;
    }
    entry.document = document;
    this.typed = { uri: document.uri, at: performance.now() };
    this.schedule(document.uri, this.debounceMs);
  }

  close(uri: string): void {
    const entry = this.entries.get(uri);
    if (!entry) return;
    this.entries.delete(uri);
    this.stop(entry);
    this.services.publish(uri, entry.document.version, []);
  }

  /** Another kernel: everything open is checked against its types. */
  setTarget(target: TargetParams): void {
    this.target.set(target);
    this.recheck();
  }

  /** A header on the disk has changed. */
  recheck(): void {
    for (const uri of this.entries.keys()) this.schedule(uri, 0);
  }

  dispose(): void {
    for (const entry of this.entries.values()) this.stop(entry);
    this.entries.clear();
  }

  private get debounceMs(): number {
    return this.options.debounceMs ?? DEBOUNCE_MS;
  }

  private schedule(uri: string, delay: number): void {
    const entry = this.entries.get(uri);
    if (!entry) return;
    // What is under way answers for a text that is gone.
    this.stop(entry);
    if (!this.options.trusted) return;
    entry.due = performance.now() + delay;
    entry.timer = setTimeout(() => this.begin(entry), delay);
  }

  /** Now, or when nothing is typed elsewhere, or when it is its turn. */
  private begin(entry: Entry): void {
    const wait = this.pauseFor(entry);
    if (wait > 0) {
      entry.timer = setTimeout(() => this.begin(entry), wait);
      return;
    }
    entry.timer = undefined;
    this.waiting.add(entry);
    this.next();
  }

  /** Milliseconds until the typing in another document may be over; 0 when this one has waited long enough. */
  private pauseFor({ document, due }: Entry): number {
    const { typed } = this;
    if (!typed || typed.uri === document.uri) return 0;
    const now = performance.now();
    return Math.max(0, Math.min(typed.at + this.debounceMs, due + PATIENCE_MS) - now);
  }

  private next(): void {
    const entry = [...this.waiting].at(-1);
    if (!entry || this.compiling >= AT_ONCE) return;
    this.waiting.delete(entry);
    this.compiling++;
    void this.check(entry).finally(() => {
      this.compiling--;
      this.next();
    });
    this.next();
  }

  private stop(entry: Entry): void {
    clearTimeout(entry.timer);
    entry.timer = undefined;
    this.waiting.delete(entry);
    entry.running?.abort();
    entry.running = undefined;
  }

  private async check(entry: Entry): Promise<void> {
    const { document } = entry;
    const running = (entry.running = new AbortController());
    let diagnostics: Diagnostic[];
    try {
      diagnostics = await this.diagnose(document, running.signal);
    } catch (error) {
      const failure = RingsideError.from(error);
      if (failure.code === 'cancelled') return;
      this.services.log(`${document.file}: ${failure.code}: ${failure.message}\n${failure.detail}`);
      diagnostics = [failureDiagnostic(failure, document.text)];
    }
    if (running.signal.aborted || this.entries.get(document.uri) !== entry) return;
    entry.running = undefined;
    this.services.publish(document.uri, document.version, diagnostics);
  }

  private async diagnose(document: CheckedDocument, signal: AbortSignal): Promise<Diagnostic[]> {
    const { file, text } = document;
    const { resourceDir, cacheDir, compilerPath } = this.options;
    // A program without vmlinux.h, or with its own, needs no kernel.
    const vmlinuxHeader = this.services.needsVmlinux(file, text) ? await this.target.header() : null;
    const { arch } = this.target;
    const options = { file, text, vmlinuxHeader, resourceDir, cacheDir, compilerPath, arch, syntaxOnly: true, signal };
    const result = await this.services.build(options);
    if (!signal.aborted) this.services.built?.(document.uri, result.compiler.flags);
    return toLspDiagnostics(result.diagnostics, file);
  }
}

/** A check that could not be made: said once, at the line that it concerns, and not as a fault of the program. */
function failureDiagnostic(failure: RingsideError, text: string): Diagnostic {
  const lines = text.split(/\r\n|\n|\r/);
  const include = lines.findIndex((line) => /^\s*#\s*include\s*["<]vmlinux\.h[">]/.test(line));
  const line = failure.code === 'no-vmlinux' ? Math.max(0, include) : 0;
  const information = failure.code === 'no-vmlinux';
  return {
    range: { start: { line, character: 0 }, end: { line, character: lines[line]?.length ?? 0 } },
    severity: information ? DiagnosticSeverity.Information : DiagnosticSeverity.Warning,
    message: [failure.message, failure.remedy].filter(Boolean).join(' '),
    code: failure.code,
    source: 'ringside',
  };
}
