import * as vscode from 'vscode';
import type { Engine } from '@ringside/core/rpc';
import { createAppContext } from './appContext.ts';
import type { AppContext } from './appContext.ts';
import { registerAttachCommands } from './controllers/attachCommands.ts';
import { registerCodeLens } from './controllers/codeLens.ts';
import { registerExplorer } from './controllers/explorerController.ts';
import { registerGalleryView } from './controllers/galleryView.ts';
import { registerGeneral } from './controllers/general.ts';
import { registerHostsView } from './controllers/hostsView.ts';
import { registerKeptRuns } from './controllers/keptRunsController.ts';
import { registerLanguageClient } from './controllers/languageClient.ts';
import { registerGroups } from './controllers/groupsController.ts';
import { registerLostRuns } from './controllers/lostRunsController.ts';
import { registerMapHints } from './controllers/mapHints.ts';
import { registerObjectView } from './controllers/objectView.ts';
import { registerProject } from './controllers/projectController.ts';
import { registerPointsView } from './controllers/pointsView.ts';
import { registerMaps } from './controllers/mapsController.ts';
import { registerProgramCode } from './controllers/programCode.ts';
import { registerRunsView } from './controllers/runsView.ts';
import { registerStatusBar } from './controllers/statusBar.ts';
import { registerTestExplorer } from './controllers/testExplorer.ts';
import { registerTasks } from './tasks/taskProvider.ts';
import { registerVerify } from './controllers/verifyController.ts';
import { registerCppTools } from './controllers/cppTools.ts';
import { registerDebug } from './debug/register.ts';
import { registerRecordings } from './recording/recordingController.ts';
import { registerRunControl } from './runControl/runControlController.ts';
import { followSources } from './sources.ts';

/** What `activate` gives to other extensions and to tests. */
export interface RingsideApi {
  /** Of this interface; grows when something is added. */
  version: 1;
  engine(): Engine;
}

let context: AppContext | undefined;

export function activate(extension: vscode.ExtensionContext): RingsideApi {
  try {
    const created = createAppContext(extension);
    context = created;
    created.disposables.add(followSources());
    for (const register of controllers) register(created);
    created.log.info('Ringside is active.');
    return { version: 1, engine: () => created.engine };
  } catch (error) {
    // VS Code itself says nothing when an extension fails to start.
    void vscode.window.showErrorMessage(
      `Ringside could not start: ${error instanceof Error ? error.message : String(error)}`,
    );
    context?.disposables.dispose();
    throw error;
  }
}

const controllers: ((context: AppContext) => void)[] = [
  registerGeneral,
  registerHostsView,
  registerGroups,
  registerRunsView,
  registerRecordings,
  registerRunControl,
  registerKeptRuns,
  registerLostRuns,
  registerGalleryView,
  registerProject,
  registerPointsView,
  registerObjectView,
  registerAttachCommands,
  registerVerify,
  registerExplorer,
  registerCodeLens,
  registerMapHints,
  registerTestExplorer,
  registerTasks,
  registerProgramCode,
  registerMaps,
  registerDebug,
  registerStatusBar,
  registerLanguageClient,
  registerCppTools,
];

/** Detaches everything; should the window be killed instead, the agents' leases do it. */
export async function deactivate(): Promise<void> {
  const ending = context;
  context = undefined;
  if (ending === undefined) return;
  ending.specs.freeze();
  try {
    await ending.engine.dispose();
  } finally {
    ending.disposables.dispose();
  }
}
