import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { startEngine } from '@ringside/core/rpc';
import type { LogLevel } from '@ringside/core/rpc';
import { Attacher } from './attach/attacher.ts';
import { RememberedSpecs } from './attach/rememberedSpecs.ts';
import { setting, sshOptions } from './config.ts';
import { Setting } from './contributions.ts';
import { DiagnosticSets } from './diagnostics/diagnosticSets.ts';
import { Verifier } from './diagnostics/verifier.ts';
import { DisposableStore } from './disposable.ts';
import { ErrorReporter } from './errors.ts';
import { LazyEngine } from './lazyEngine.ts';
import { Keeper } from './kept/keeper.ts';
import { BuildAhead } from './diagnostics/buildAhead.ts';
import { Metrics } from './metrics.ts';
import { ChosenHosts } from './model/chosenHosts.ts';
import { namedInGroups } from './model/hostGroups.ts';
import { HostList } from './model/hostList.ts';
import { Inventories } from './model/inventories.ts';
import { KeptMemory } from './model/keptMemory.ts';
import { KeptRuns } from './model/keptRuns.ts';
import { LanguageRequests } from './model/languageRequests.ts';
import { LostRuns } from './model/lostRuns.ts';
import { RunList } from './model/runList.ts';
import { Verdicts } from './model/verdicts.ts';
import { DoctorPanels } from './panels/doctorPanels.ts';
import { ExplorerPanels } from './panels/explorerPanels.ts';
import { ChartsPanels } from './panels/chartsPanels.ts';
import { MapsPanels } from './panels/mapsPanels.ts';
import { TracePanels } from './panels/tracePanels.ts';
import { VerdictsPanels } from './panels/verdictsPanels.ts';
import { NativePrompter } from './prompter.ts';
import { VirtualDocuments } from './virtualDocuments.ts';

/** What controllers share. Built once in activate; nothing here does work before it is first used. */
export interface AppContext {
  readonly extension: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly documents: VirtualDocuments;
  readonly errors: ErrorReporter;
  readonly engine: LazyEngine;
  readonly hosts: HostList;
  readonly chosenHosts: ChosenHosts;
  readonly runs: RunList;
  readonly kept: KeptRuns;
  readonly lostRuns: LostRuns;
  readonly inventories: Inventories;
  readonly verdicts: Verdicts;
  readonly diagnostics: DiagnosticSets;
  readonly verifier: Verifier;
  readonly specs: RememberedSpecs;
  readonly language: LanguageRequests;
  readonly attacher: Attacher;
  readonly keeper: Keeper;
  readonly panels: TracePanels;
  readonly charts: ChartsPanels;
  readonly doctors: DoctorPanels;
  readonly explorers: ExplorerPanels;
  readonly verdictTables: VerdictsPanels;
  readonly mapsPanels: MapsPanels;
  /** What bundles and resources are beside: dist/ of the extension. */
  readonly distDir: string;
  readonly cacheDir: string;
  readonly disposables: DisposableStore;
}

export function createAppContext(extension: vscode.ExtensionContext): AppContext {
  const disposables = new DisposableStore();
  const log = disposables.add(vscode.window.createOutputChannel('Ringside', { log: true }));
  const documents = new VirtualDocuments();
  disposables.add(documents.register());
  const errors = new ErrorReporter(log, documents);
  const distDir = join(extension.extensionPath, 'dist');
  const cacheDir = extension.globalStorageUri.fsPath;
  const prompter = new NativePrompter();
  const engine = new LazyEngine(() =>
    startEngine({
      workerPath: join(distDir, 'engine-worker.js'),
      resourceDir: distDir,
      cacheDir,
      compilerPath: setting(Setting.clangPath),
      prompter,
      ssh: sshOptions(),
    }),
  );
  engine.on('log', (level, message) => writeLog(log, level, message));

  const hosts = disposables.add(
    new HostList(engine, extension.globalState, () => namedInGroups(setting(Setting.hostGroups))),
  );
  const chosenHosts = disposables.add(new ChosenHosts(extension.workspaceState));
  const runs = disposables.add(new RunList(engine));
  const keptMemory = new KeptMemory(extension.workspaceState);
  const kept = disposables.add(
    new KeptRuns({ engine, hosts, runs, memory: keptMemory, log: (error) => errors.log(error) }),
  );
  const inventories = disposables.add(new Inventories({ engine, hosts, runs, log: (error) => errors.log(error) }));
  const verdicts = disposables.add(new Verdicts());
  const diagnostics = disposables.add(new DiagnosticSets());
  const hostOfSave = (file: vscode.Uri): string | undefined => {
    const host = chosenHosts.get(file);
    const wanted = vscode.workspace.isTrusted && setting(Setting.verifyOnSave, file);
    return wanted && host !== undefined && hosts.get(host)?.state.state === 'ready' ? host : undefined;
  };
  const ahead = disposables.add(new BuildAhead(engine, hostOfSave));
  const parts = { engine, errors, documents, verdicts, diagnostics, cacheDir, ahead };
  const verifier = disposables.add(new Verifier(parts));
  const specs = new RememberedSpecs(extension.workspaceState);
  const metrics = Metrics.start();
  if (metrics !== undefined) disposables.add(metrics);
  const attacher = disposables.add(
    new Attacher({ engine, errors, hosts, chosenHosts, runs, verifier, specs, memory: extension.workspaceState }),
  );
  const keeper = disposables.add(new Keeper({ engine, runs, kept, attacher }));
  const lostRuns = disposables.add(new LostRuns({ hosts, runs, kept, attacher }));
  const { extensionUri, workspaceState: memory } = extension;
  const panels = disposables.add(
    new TracePanels({ engine, errors, runs, kept, attacher, keeper, specs, extensionUri, memory }),
  );
  const mapsPanels: MapsPanels = disposables.add(
    new MapsPanels({
      engine,
      errors,
      runs,
      attacher,
      keeper,
      extensionUri,
      chart: (run, chart) => charts.add(run, chart),
    }),
  );
  const charts = disposables.add(
    new ChartsPanels({
      ...{ engine, errors, runs, attacher, keeper, extensionUri, memory },
      showRows: (run, stream, where) => panels.show(run, stream, where),
      showMaps: (run) => mapsPanels.openRun(run),
      readText: (path) => readFile(path, 'utf8').catch(() => ''), // an object needs no source, and a source no manifest
    }),
  );
  panels.onChart((run, chart) => (chart === null ? charts.open(run) : charts.add(run, chart)));
  const doctors = disposables.add(new DoctorPanels({ engine, errors, extensionUri }));
  const extensionId = extension.extension.id;
  const explorers = disposables.add(
    new ExplorerPanels({ engine, errors, documents, verifier, verdicts, cacheDir, extensionUri, extensionId }),
  );
  const verdictTables = disposables.add(
    new VerdictsPanels({ engine, errors, documents, cacheDir, extensionUri, explorers }),
  );
  return {
    extension,
    log,
    documents,
    errors,
    engine,
    hosts,
    chosenHosts,
    runs,
    kept,
    lostRuns,
    inventories,
    verdicts,
    diagnostics,
    verifier,
    specs,
    language: disposables.add(new LanguageRequests()),
    attacher,
    keeper,
    panels,
    charts,
    doctors,
    explorers,
    verdictTables,
    mapsPanels,
    distDir,
    cacheDir,
    disposables,
  };
}

const severity: Record<LogLevel, number> = { error: 0, warn: 1, info: 2, debug: 3 };

function writeLog(log: vscode.LogOutputChannel, level: LogLevel, message: string): void {
  if (severity[level] <= severity[setting(Setting.logLevel)]) log[level](message);
}
