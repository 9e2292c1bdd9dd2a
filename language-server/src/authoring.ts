/** Everything that the server knows of BPF beside what clang says: completion, hover, signatures, checks and their fixes. */
import {
  CodeActionKind,
  type CodeAction,
  type CompletionItem,
  type CompletionList,
  type Diagnostic,
  type Hover,
  type Position,
  type Range,
  type SignatureHelp,
} from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { Analyser, type AnalysedDocument, type Analysis } from './analysis.ts';
import { placeAt, type Place } from './c/place.ts';
import { check } from './checks/index.ts';
import { codeActionsIn } from './features/actions/index.ts';
import { complete, describeItem, type ItemData } from './features/completion.ts';
import { hover } from './features/hover.ts';
import { signatureHelp } from './features/signatureHelp.ts';
import { fixesAt, toDiagnostic } from './findings.ts';
import { OtherHosts } from './kernel/others.ts';
import { nowhere, readHelpers, readWorld, type World } from './kernel/world.ts';
import type { InitializationOptions, TargetParams } from './protocol.ts';

type ScriptFeature<T> = (
  text: string,
  offset: number,
  world: World,
  rangeOf: (start: number, end: number) => Range,
) => T;

export const isScript = (uri: string): boolean => uri.endsWith('.bt');

export interface AuthoringServices {
  /** An open document as the editor has it, or undefined. */
  document(uri: string): TextDocument | undefined;
  /** What of it is checked; null for documents that are not programs on the disk. */
  checked(document: TextDocument): AnalysedDocument | null;
  log(message: string): void;
}

/** Makes the lists that are searched before somebody waits for them, one at a time so that nothing else does. */
function warm({ kernel }: World): void {
  if (!kernel) return;
  const lists: (() => unknown)[] = [
    () => kernel.find('struct task_struct'),
    () => kernel.functions.search('__', 1),
    () => kernel.constants,
    () => kernel.kfuncs,
    () => kernel.structs,
  ];
  const next = (): void => {
    try {
      lists.shift()?.();
    } catch {
      return; // BTF that contradicts itself: said where it is asked about
    }
    if (lists.length > 0) setTimeout(next, 20).unref();
  };
  setTimeout(next, 20).unref();
}

/** Values of a map other than its type are numbers and types of the program. */
function isOurPlace(place: Place): boolean {
  if (place.kind === 'mapValue') return place.field === 'type' || place.field === 'pinning';
  return place.kind === 'section' || place.kind === 'chain' || place.kind === 'mapField';
}

export class Authoring {
  private readonly analyser = new Analyser();
  private target: TargetParams = { vmlinuxHeader: null, arch: null };
  /** The kernel that is written for; read when the first program is there. */
  private world: Promise<World> | undefined;
  private readonly others: OtherHosts;

  constructor(
    private readonly options: InitializationOptions,
    private readonly services: AuthoringServices,
  ) {
    this.others = new OtherHosts((message) => services.log(message));
  }

  private get genericC(): boolean {
    return this.options.genericC ?? true;
  }

  setTarget(target: TargetParams): void {
    const keys = ['host', 'kernel', 'btf', 'targets', 'cached'] as const;
    const sameOthers = JSON.stringify(target.others ?? []) === JSON.stringify(this.target.others ?? []);
    const isSame = sameOthers && keys.every((key) => (target[key] ?? null) === (this.target[key] ?? null));
    this.target = target;
    if (!isSame) this.world = undefined;
  }

  /** Headers have changed. */
  recheck(): void {
    this.analyser.forgetAll();
  }

  close(uri: string): void {
    this.analyser.forget(uri);
  }

  private ready(): Promise<World> {
    return (this.world ??= this.read(this.target));
  }

  private async read(target: TargetParams): Promise<World> {
    const started = performance.now();
    const helpers = await readHelpers(this.options.resourceDir).catch((error: unknown) => {
      this.services.log(`libbpf's helpers could not be read: ${String(error)}`);
      return nowhere.helpers;
    });
    try {
      const world = await readWorld(target, helpers, this.others);
      this.services.log(
        `types of ${target.host ?? "this machine's kernel"} read in ${Math.round(performance.now() - started)} ms`,
      );
      warm(world);
      return world;
    } catch (error) {
      this.services.log(`what ${target.host ?? 'this machine'} offers could not be read: ${String(error)}`);
      return { ...nowhere, helpers };
    }
  }

  /** Does one thing with the kernel that is written for, whatever is open. */
  async withWorld<T>(work: (world: World) => T): Promise<T> {
    return work(await this.ready());
  }

  /** Of a bpftrace script; null for every other document. */
  async script<T>(uri: string, position: Position, ask: ScriptFeature<T>): Promise<T | null> {
    const document = this.services.document(uri);
    if (!document) return null;
    const rangeOf = (start: number, end: number): Range => ({
      start: document.positionAt(start),
      end: document.positionAt(end),
    });
    return this.withWorld((world) => ask(document.getText(), document.offsetAt(position), world, rangeOf));
  }

  async complete(uri: string, position: Position): Promise<CompletionList | null> {
    return this.at('completion', uri, position, (analysis, offset, rangeOf) => {
      return complete(analysis, offset, { uri, rangeOf, genericC: this.genericC });
    });
  }

  /** True where a cursor stands in what only we understand: a section's name, a map's definition, a chain of fields. */
  async isOurs(uri: string, position: Position): Promise<boolean> {
    return (await this.at('place', uri, position, ({ source }, offset) => isOurPlace(placeAt(source, offset)))) ?? true;
  }

  async resolve(item: CompletionItem): Promise<CompletionItem> {
    const uri = (item.data as ItemData | undefined)?.uri;
    if (uri === undefined) return item;
    return (
      (await this.at('completion item', uri, { line: 0, character: 0 }, (analysis) => describeItem(item, analysis))) ??
      item
    );
  }

  async hover(uri: string, position: Position): Promise<Hover | null> {
    return this.at('hover', uri, position, (analysis, offset, rangeOf) => {
      const found = hover(analysis, offset, this.genericC);
      return found && { contents: { kind: 'markdown', value: found.markdown }, range: rangeOf(found.start, found.end) };
    });
  }

  async signatureHelp(uri: string, position: Position): Promise<SignatureHelp | null> {
    if (!this.genericC) return null;
    return this.at('signature help', uri, position, (analysis, offset) => signatureHelp(analysis, offset));
  }

  /** Repairs of what is found in the range, and what can be done with it otherwise; `only`: kinds that are wanted. */
  async codeActions(uri: string, range: Range, only?: readonly string[]): Promise<CodeAction[]> {
    const actions = await this.at('code actions', uri, range.start, (analysis, from, rangeOf, document) => {
      const to = document.offsetAt(range.end);
      const wantsFixes = only === undefined || only.includes(CodeActionKind.QuickFix) || only.includes('');
      const fixes = wantsFixes ? fixesAt(check(analysis), from, to, uri, rangeOf) : [];
      return [...fixes, ...codeActionsIn(analysis, from, to, uri, rangeOf, only)];
    });
    return actions ?? [];
  }

  /** Our findings in a document as it is now. */
  async diagnose(uri: string): Promise<Diagnostic[]> {
    const found = await this.at('checks', uri, { line: 0, character: 0 }, (analysis, _offset, rangeOf) => {
      return check(analysis).map((finding) => toDiagnostic(finding, rangeOf));
    });
    return found ?? [];
  }

  /** Does one thing with an open program. What goes wrong is logged with what was being done, and ends nothing. */
  async at<T>(
    what: string,
    uri: string,
    position: Position,
    work: (
      analysis: Analysis,
      offset: number,
      rangeOf: (start: number, end: number) => Range,
      document: TextDocument,
    ) => T,
  ): Promise<T | null> {
    const world = await this.ready();
    const document = this.services.document(uri);
    const checked = document && this.services.checked(document);
    if (!document || !checked) return null;
    try {
      const rangeOf = (start: number, end: number): Range => ({
        start: document.positionAt(start),
        end: document.positionAt(end),
      });
      return work(this.analyser.analyse(checked, world), document.offsetAt(position), rangeOf, document);
    } catch (error) {
      const place = `${uri}:${position.line + 1}:${position.character + 1}`;
      this.services.log(
        `${what} at ${place} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      return null;
    }
  }
}
