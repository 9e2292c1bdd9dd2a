/** What an editor asks about any C, answered by clangd; where we know something of BPF, that comes first. */
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { writeAtomically } from '@ringside/core/build';
import {
  CompletionTriggerKind,
  DocumentFormattingRequest,
  DocumentRangeFormattingRequest,
  type CancellationToken,
  type ClientCapabilities,
  type CompletionList,
  type CompletionParams,
  type Connection,
  type Hover,
  type ServerCapabilities,
  type SignatureHelp,
  type TextDocumentPositionParams,
  type TextEdit,
} from 'vscode-languageserver';
import type { Clangd } from './clangd.ts';
import { hasStyle, kernelStyle } from './format.ts';
import { mergeCompletions } from './merge.ts';

const genericCapabilities: ServerCapabilities = {
  definitionProvider: true,
  declarationProvider: true,
  typeDefinitionProvider: true,
  referencesProvider: true,
  documentHighlightProvider: true,
  documentSymbolProvider: true,
  renameProvider: { prepareProvider: true },
  inlayHintProvider: true,
};

/** What is passed on as it is, both ways. */
const passedOn = [
  'textDocument/definition',
  'textDocument/declaration',
  'textDocument/typeDefinition',
  'textDocument/references',
  'textDocument/documentHighlight',
  'textDocument/documentSymbol',
  'textDocument/prepareRename',
  'textDocument/rename',
  'textDocument/inlayHint',
];

/** What an editor asks by itself after each edit and each move of the cursor. */
const automatic = new Set(['textDocument/documentHighlight', 'textDocument/documentSymbol', 'textDocument/inlayHint']);

/** Behind these clangd has something to say; behind our own "(" and "," it would list everything there is. */
const clangdTriggers = new Set(['.', '>', '<', '"', '/']);
/** With something of ours to show, nobody waits longer for clangd. */
const BESIDE_OURS_MS = 400;

export interface GenericServices {
  clangd: Clangd;
  cacheDir: string;
  besideOursMs?: number | undefined;
  /** The program's path; null for what is no program. */
  fileOf(uri: string): string | null;
}

export class GenericC {
  private styles = 0;
  /** True when the editor takes a formatter for single files: it would ask which one to use for other C files else. */
  private registersFormatting = false;
  private readonly formatted = new Set<string>();

  constructor(private readonly services: GenericServices) {}

  /** Answers what the capabilities say. */
  serve(connection: Connection, client: ClientCapabilities): ServerCapabilities {
    for (const method of passedOn) {
      connection.onRequest(method, (params: TextDocumentPositionParams, token: CancellationToken) =>
        this.services.clangd.ask(method, params.textDocument.uri, params, { token, automatic: automatic.has(method) }),
      );
    }
    for (const method of [DocumentFormattingRequest.method, DocumentRangeFormattingRequest.method]) {
      connection.onRequest(method, (params: TextDocumentPositionParams, token: CancellationToken) =>
        this.format(method, params, token),
      );
    }
    this.registersFormatting = client.textDocument?.formatting?.dynamicRegistration === true;
    if (this.registersFormatting) return genericCapabilities;
    return { ...genericCapabilities, documentFormattingProvider: true, documentRangeFormattingProvider: true };
  }

  /** A program has been opened. */
  offerFormatting(connection: Connection, { file }: { file: string }): void {
    const pattern = file.endsWith('.bpf.c') ? '**/*.bpf.c' : file.replace(/[[\]{}*?]/g, '[$&]');
    if (!this.registersFormatting || this.formatted.has(pattern)) return;
    this.formatted.add(pattern);
    const documentSelector = [{ scheme: 'file', language: 'c', pattern }];
    for (const { type } of [DocumentFormattingRequest, DocumentRangeFormattingRequest]) {
      connection.client.register(type, { documentSelector }).catch(() => undefined); // an editor without it
    }
  }

  /** `isOurs` says that the place is one that only we understand: a section, a map, a chain of fields. */
  async complete(
    params: CompletionParams,
    token: CancellationToken,
    ours: Promise<CompletionList | null>,
    isOurs: Promise<boolean>,
  ): Promise<CompletionList | null> {
    const { context, textDocument } = params;
    const byCharacter = context?.triggerKind === CompletionTriggerKind.TriggerCharacter;
    if (byCharacter && !clangdTriggers.has(context.triggerCharacter ?? '')) return ours;
    if (await isOurs) return ours;
    const own = await ours;
    const within = own && own.items.length > 0 ? (this.services.besideOursMs ?? BESIDE_OURS_MS) : undefined;
    const theirs = await this.services.clangd.ask<CompletionList>(
      'textDocument/completion',
      textDocument.uri,
      params,
      within === undefined ? { token } : { token, within },
    );
    return mergeCompletions(own, theirs);
  }

  async hover(
    params: TextDocumentPositionParams,
    token: CancellationToken,
    ours: Promise<Hover | null>,
  ): Promise<Hover | null> {
    return (await ours) ?? this.services.clangd.ask('textDocument/hover', params.textDocument.uri, params, { token });
  }

  async signatureHelp(
    params: TextDocumentPositionParams,
    token: CancellationToken,
    ours: Promise<SignatureHelp | null>,
  ): Promise<SignatureHelp | null> {
    const own = await ours;
    if (own) return own;
    const theirs = await this.services.clangd.ask<SignatureHelp>(
      'textDocument/signatureHelp',
      params.textDocument.uri,
      params,
      { token },
    );
    return theirs && theirs.signatures.length > 0 ? theirs : null;
  }

  /** clangd reads the style from the folders above a file: a program without one is laid out where the kernel's lies. */
  private async format(
    method: string,
    params: TextDocumentPositionParams,
    token: CancellationToken,
  ): Promise<TextEdit[] | null> {
    const { uri } = params.textDocument;
    const { clangd, cacheDir } = this.services;
    const file = this.services.fileOf(uri);
    if (file === null) return null;
    if (hasStyle(file)) return clangd.ask(method, uri, params, { token });
    const folder = join(cacheDir, 'clang-format');
    await writeAtomically(join(folder, '.clang-format'), kernelStyle);
    const elsewhere = pathToFileURL(join(folder, `${++this.styles}.bpf.c`)).href;
    return clangd.askElsewhere(method, uri, elsewhere, { ...params, textDocument: { uri: elsewhere } }, token);
  }
}
