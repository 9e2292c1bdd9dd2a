/**
 * The C/C++ extension reads a BPF program as one for this machine: it marks what the BPF compiler takes. Offers to
 * switch its marks off for the folder, and says what that changes before it does.
 */
import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { isBpfSource } from '../files.ts';

const extensionId = 'ms-vscode.cpptools';
/** What it signs its diagnostics with. */
const cppTools = 'C/C++';
const section = 'C_Cpp';
const key = 'errorSquiggles';
const change = `"${section}.${key}": "disabled"`;
/** In the workspace's state: folders whose user does not want it. */
const declinedKey = 'ringside.cppTools.declined';

const repair = 'Switch Them Off Here';
const decline = 'Not in This Folder';

/** Both extensions look at a text for a moment after it has changed. */
const settleMs = 2000;

/** Its code analysis signs alike, but names its checks: what the setting switches off has a number, or none. */
const isSquiggle = ({ source, code }: vscode.Diagnostic): boolean =>
  source === cppTools && (code === undefined || typeof code === 'number');

/** Errors that the C/C++ extension marks on lines where the BPF compiler has none. */
export function falseAlarms(diagnostics: readonly vscode.Diagnostic[]): number {
  const errors = diagnostics.filter(({ severity }) => severity === vscode.DiagnosticSeverity.Error);
  const real = new Set(errors.filter(({ source }) => source !== cppTools).map(({ range }) => range.start.line));
  return errors.filter((error) => isSquiggle(error) && !real.has(error.range.start.line)).length;
}

type Parts = Pick<AppContext, 'errors'> & { extension: Pick<vscode.ExtensionContext, 'workspaceState'> };

export class CppToolsRepair {
  readonly #parts: Parts;
  /** Asked about in this window. */
  readonly #asked = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Looks at one document, and asks once for each folder. Resolves when the answer has been carried out. */
  async consider(document: Pick<vscode.TextDocument, 'uri'>): Promise<void> {
    const { uri } = document;
    if (!isBpfSource(uri) || vscode.extensions.getExtension(extensionId) === undefined) return;
    const count = falseAlarms(vscode.languages.getDiagnostics(uri));
    const folder = vscode.workspace.getWorkspaceFolder(uri);
    if (count === 0 || folder === undefined) return;
    const name = folder.uri.toString();
    const declined = this.#parts.extension.workspaceState.get<string[]>(declinedKey, []);
    if (this.#asked.has(name) || declined.includes(name)) return;
    this.#asked.add(name);
    const message =
      `The C/C++ extension marks ${count} ${count === 1 ? 'error' : 'errors'} in ${vscode.workspace.asRelativePath(uri)} that the BPF compiler does not have. ` +
      `${repair} adds ${change} to .vscode/settings.json of ${folder.name}: all C files there lose that extension's error marks; Ringside goes on to check the programs.`;
    const answer = await vscode.window.showInformationMessage(message, repair, decline);
    if (answer === repair) {
      const configuration = vscode.workspace.getConfiguration(section, folder);
      await configuration.update(key, 'disabled', vscode.ConfigurationTarget.WorkspaceFolder);
    } else if (answer === decline) {
      await this.#parts.extension.workspaceState.update(declinedKey, [...declined, name]);
    }
  }

  considerVisible(): void {
    for (const { document } of vscode.window.visibleTextEditors) {
      this.consider(document).catch((error: unknown) => this.#parts.errors.log(error));
    }
  }
}

export function registerCppTools(context: AppContext): void {
  const { disposables } = context;
  const offer = new CppToolsRepair(context);
  let timer: NodeJS.Timeout | undefined;
  disposables.add({ dispose: () => clearTimeout(timer) });
  disposables.add(
    vscode.languages.onDidChangeDiagnostics(({ uris }) => {
      if (!uris.some(isBpfSource)) return;
      clearTimeout(timer);
      timer = setTimeout(() => offer.considerVisible(), settleMs);
    }),
  );
}
