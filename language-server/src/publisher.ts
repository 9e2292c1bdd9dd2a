/**
 * What clang and we find, told together: an editor takes one list for each version of a document. Where no compiler may
 * run, ours alone.
 */
import type { Diagnostic } from 'vscode-languageserver';

export interface PublisherServices {
  /** Our own findings in a document as it is now. */
  ours(uri: string): Promise<Diagnostic[]>;
  /** Of the open document; undefined when it is closed. */
  version(uri: string): number | undefined;
  send(uri: string, version: number, diagnostics: Diagnostic[]): void;
  debounceMs: number | undefined;
  trusted: boolean;
}

const DEBOUNCE_MS = 150;

export class Publisher {
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** Documents whose list in the editor is not empty. */
  private readonly told = new Set<string>();

  constructor(private readonly services: PublisherServices) {}

  /** What clang says of a version; of a closed document: nothing any more. */
  compiled(uri: string, version: number, diagnostics: Diagnostic[]): void {
    if (this.services.version(uri) === undefined) this.send(uri, version, diagnostics);
    else void this.publish(uri, version, diagnostics);
  }

  /** Without a compiler our findings have a timer of their own. */
  changed(uri: string): void {
    if (this.services.trusted) return;
    clearTimeout(this.timers.get(uri));
    const alone = (): void => {
      this.timers.delete(uri);
      const version = this.services.version(uri);
      if (version !== undefined) void this.publish(uri, version, []);
    };
    this.timers.set(uri, setTimeout(alone, this.services.debounceMs ?? DEBOUNCE_MS));
  }

  checkAll(uris: Iterable<string>): void {
    for (const uri of uris) this.changed(uri);
  }

  close(uri: string): void {
    clearTimeout(this.timers.get(uri));
    this.timers.delete(uri);
    if (!this.services.trusted && this.told.has(uri)) this.send(uri, 0, []);
    this.told.delete(uri);
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private async publish(uri: string, version: number, compiled: Diagnostic[]): Promise<void> {
    const ours = await this.services.ours(uri);
    // Typed on meanwhile: the next version's list is on its way.
    if (this.services.version(uri) !== version) return;
    const all = [...compiled, ...ours];
    if (!this.services.trusted && all.length === 0 && !this.told.has(uri)) return;
    this.send(uri, version, all);
  }

  private send(uri: string, version: number, diagnostics: Diagnostic[]): void {
    if (diagnostics.length > 0) this.told.add(uri);
    else this.told.delete(uri);
    this.services.send(uri, version, diagnostics);
  }
}
