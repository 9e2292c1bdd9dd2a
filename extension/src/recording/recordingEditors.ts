/** A `.ringside` file as an editor: the trace panel over a run that the engine reads from the file. */
import type * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { storeBytes } from '../config.ts';

export class RecordingEditors implements vscode.CustomReadonlyEditorProvider {
  readonly #context: AppContext;

  constructor(context: AppContext) {
    this.#context = context;
  }

  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    return { uri, dispose: () => undefined };
  }

  /** A file that cannot be opened is said in its editor's place, by VS Code. */
  async resolveCustomEditor({ uri }: vscode.CustomDocument, panel: vscode.WebviewPanel): Promise<void> {
    const { engine, runs, panels, errors } = this.#context;
    const spec = { file: uri.fsPath, where: '', speed: null, count: null, storeBytes: storeBytes() };
    const run = await engine.openRecording(spec);
    runs.update(run);
    panels.showIn(panel, run);
    panel.onDidDispose(() => {
      engine.forget(run.id).then(
        () => runs.forget(run.id),
        (error: unknown) => errors.log(error),
      );
    });
  }
}
