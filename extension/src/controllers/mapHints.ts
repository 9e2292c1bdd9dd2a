import * as vscode from 'vscode';
import type { MapFill, RunSummary } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { onSettingChange, setting } from '../config.ts';
import { Setting } from '../contributions.ts';
import { bpfSelector } from '../files.ts';
import { fillTooltip, fillWords, isNearlyFull } from '../liveText.ts';
import { scanMaps } from '../programScan.ts';

const intervalMs = 1000;

type Parts = Pick<AppContext, 'engine' | 'runs' | 'errors'>;

/** How full each map is, beside its definition, while the file in view runs; asked once a second, and only then. */
export class MapHints implements vscode.InlayHintsProvider, vscode.Disposable {
  readonly #parts: Parts;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeInlayHints = this.#changed.event;
  /** By file, then by map. */
  readonly #fills = new Map<string, Map<string, MapFill[]>>();
  #timer: NodeJS.Timeout | undefined;
  #asking = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Called when runs, editors or the setting change: starts the clock, or stops it when nothing is to be shown. */
  follow(): void {
    const shown = this.#shown();
    for (const file of this.#fills.keys()) {
      if (shown.some(({ run }) => run.file === file)) continue;
      this.#fills.delete(file);
      this.#changed.fire();
    }
    if (shown.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if (this.#timer === undefined) {
      this.#timer = setInterval(() => void this.refresh(), intervalMs);
      void this.refresh();
    }
  }

  /** Files in view that run, each with its run. */
  #shown(): { document: vscode.TextDocument; run: RunSummary }[] {
    const running = this.#parts.runs.live().filter((run) => run.state === 'running' || run.state === 'paused');
    const documents = new Set(vscode.window.visibleTextEditors.map((editor) => editor.document));
    return [...documents].flatMap((document) => {
      const run = running.find((each) => each.file === document.uri.fsPath);
      return run !== undefined && setting(Setting.mapHints, document.uri) ? [{ document, run }] : [];
    });
  }

  /** One question at a time: a slow host is asked less often. */
  async refresh(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      for (const { document, run } of this.#shown()) {
        const names = scanMaps(document.getText()).map(({ name }) => name);
        if (names.length === 0) continue;
        const fills = byMap(await this.#parts.engine.mapFill(run.id, names));
        if (fillsText(fills) === fillsText(this.#fills.get(run.file))) continue;
        this.#fills.set(run.file, fills);
        this.#changed.fire();
      }
    } catch (error) {
      this.#parts.errors.log(error);
    } finally {
      this.#asking = false;
    }
  }

  provideInlayHints(document: vscode.TextDocument, range: vscode.Range): vscode.InlayHint[] {
    const fills = this.#fills.get(document.uri.fsPath);
    if (fills === undefined) return [];
    return scanMaps(document.getText()).flatMap(({ name, end }) => {
      const found = fills.get(name);
      const position = document.positionAt(end);
      if (found === undefined || !range.contains(position)) return [];
      const full = found.some(isNearlyFull) ? '⚠ ' : '';
      const hint = new vscode.InlayHint(position, `${full}${fillWords(found)}`);
      hint.paddingLeft = true;
      hint.tooltip = new vscode.MarkdownString(fillTooltip(found));
      return [hint];
    });
  }

  dispose(): void {
    clearInterval(this.#timer);
    this.#changed.dispose();
  }
}

function byMap(fills: readonly MapFill[]): Map<string, MapFill[]> {
  const found = new Map<string, MapFill[]>();
  for (const fill of fills) found.set(fill.map, [...(found.get(fill.map) ?? []), fill]);
  return found;
}

const fillsText = (fills: Map<string, MapFill[]> | undefined): string =>
  fills === undefined ? '' : [...fills.values()].map((each) => each[0]!.map + fillWords(each)).join('\n');

export function registerMapHints(context: AppContext): void {
  const { disposables, runs } = context;
  const hints = disposables.add(new MapHints(context));
  disposables.add(vscode.languages.registerInlayHintsProvider(bpfSelector, hints));
  disposables.add(runs.onDidChange(({ structure }) => structure && hints.follow()));
  disposables.add(vscode.window.onDidChangeVisibleTextEditors(() => hints.follow()));
  disposables.add(onSettingChange([Setting.mapHints], () => hints.follow()));
}
