/** Checks open programs while they are typed: debounced, one run per document, old runs stopped. */
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
  timer: NodeJS.Timeout | undefined;
  running: AbortController | undefined;
}

const DEBOUNCE_MS = 150;

export class Checker {
  private readonly entries = new Map<string, Entry>();
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
    this.entries.set(document.uri, { document, timer: undefined, running: undefined });
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
    this.schedule(document.uri, this.options.debounceMs ?? DEBOUNCE_MS);
  }

  close(uri: string): void {
    const entry = this.entries.get(uri);
    if (!entry) return;
    this.entries.delete(uri);
    stop(entry);
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
    for (const entry of this.entries.values()) stop(entry);
    this.entries.clear();
  }

  private schedule(uri: string, delay: number): void {
    const entry = this.entries.get(uri);
    if (!entry) return;
    // What is under way answers for a text that is gone.
    stop(entry);
    if (!this.options.trusted) return;
    entry.timer = setTimeout(() => void this.check(entry), delay);
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

function stop(entry: Entry): void {
  clearTimeout(entry.timer);
  entry.timer = undefined;
  entry.running?.abort();
  entry.running = undefined;
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
