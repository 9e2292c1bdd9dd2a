import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { debugType } from '../contributions.ts';
import { isBpfSource } from '../files.ts';
import { launchSpec } from './launchSpec.ts';

/** Completes launch configurations: F5 on a .bpf.c without a launch.json attaches it to the host chosen for it. */
export class ConfigurationProvider implements vscode.DebugConfigurationProvider {
  readonly #context: AppContext;

  constructor(context: AppContext) {
    this.#context = context;
  }

  provideDebugConfigurations(): vscode.DebugConfiguration[] {
    return [{ type: debugType, request: 'launch', name: 'Attach to local', program: '${file}', host: 'local' }];
  }

  resolveDebugConfiguration(
    _folder: vscode.WorkspaceFolder | undefined,
    config: vscode.DebugConfiguration,
  ): vscode.DebugConfiguration | null | undefined {
    // Without launch.json VS Code passes an empty configuration.
    if (config.type !== '' && config.request !== '' && config.name !== '') return config;
    const file = vscode.window.activeTextEditor?.document.uri;
    if (file === undefined || !isBpfSource(file)) {
      void vscode.window.showInformationMessage(
        'Ringside runs BPF programs (.bpf.c, or C with SEC("…")): open one and press F5 again.',
      );
      return undefined;
    }
    return { ...config, type: debugType, request: 'launch', name: 'Attach', program: file.fsPath };
  }

  /** The host is settled before the session starts, so that leaving the picker starts none. */
  async resolveDebugConfigurationWithSubstitutedVariables(
    _folder: vscode.WorkspaceFolder | undefined,
    config: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | null | undefined> {
    const { errors, attacher } = this.#context;
    try {
      const { hosts } = launchSpec(config);
      if (hosts.length > 0) return config;
      const program: unknown = config['program'];
      if (typeof program !== 'string') return null;
      const host = await attacher.hostFor(vscode.Uri.file(program));
      return host === undefined ? undefined : { ...config, host };
    } catch (error) {
      await errors.show(error, { actions: [{ title: 'Open launch.json', run: openLaunchJson }] });
      return undefined;
    }
  }
}

const openLaunchJson = () => vscode.commands.executeCommand('workbench.action.debug.configure');
