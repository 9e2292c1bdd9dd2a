/** The parts of an AppContext around a fake engine, for tests that mock `vscode` with vscodeMock.ts. */
import type * as vscode from 'vscode';
import { Attacher } from '../attach/attacher.ts';
import { RememberedSpecs } from '../attach/rememberedSpecs.ts';
import { DiagnosticSets } from '../diagnostics/diagnosticSets.ts';
import { Verifier } from '../diagnostics/verifier.ts';
import { ErrorReporter } from '../errors.ts';
import { Keeper } from '../kept/keeper.ts';
import { ChosenHosts } from '../model/chosenHosts.ts';
import { HostList } from '../model/hostList.ts';
import { Inventories } from '../model/inventories.ts';
import { KeptMemory } from '../model/keptMemory.ts';
import { KeptRuns } from '../model/keptRuns.ts';
import { LostRuns } from '../model/lostRuns.ts';
import { RunList } from '../model/runList.ts';
import { Verdicts } from '../model/verdicts.ts';
import { VirtualDocuments } from '../virtualDocuments.ts';
import { FakeEngine } from './fakeEngine.ts';
import { MemoryMemento } from './vscodeMock.ts';

export function fakeContext(
  fake: FakeEngine = new FakeEngine().works(),
  cacheDir = '/nowhere',
  memory: vscode.Memento = new MemoryMemento(),
) {
  const { engine } = fake;
  const logged: string[] = [];
  const log = { error: (text: string) => logged.push(text) } as unknown as vscode.LogOutputChannel;
  const documents = new VirtualDocuments();
  const errors = new ErrorReporter(log, documents);
  const hosts = new HostList(engine, memory);
  const chosenHosts = new ChosenHosts(memory);
  const runs = new RunList(engine);
  const keptMemory = new KeptMemory(memory);
  const kept = new KeptRuns({ engine, hosts, runs, memory: keptMemory, log: (error) => errors.log(error) });
  const verdicts = new Verdicts();
  const diagnostics = new DiagnosticSets();
  const verifier = new Verifier({ engine, errors, documents, verdicts, diagnostics, cacheDir });
  const specs = new RememberedSpecs(memory);
  const attacher = new Attacher({ engine, errors, hosts, chosenHosts, runs, verifier, specs, memory });
  const keeper = new Keeper({ engine, runs, kept, attacher });
  const lostRuns = new LostRuns({ hosts, runs, kept, attacher });
  const inventories = new Inventories({ engine, hosts, runs, log: (error) => errors.log(error) });
  return {
    fake,
    engine,
    memory,
    logged,
    log,
    documents,
    errors,
    hosts,
    chosenHosts,
    runs,
    keptMemory,
    kept,
    verdicts,
    diagnostics,
    verifier,
    specs,
    attacher,
    keeper,
    lostRuns,
    inventories,
  };
}
