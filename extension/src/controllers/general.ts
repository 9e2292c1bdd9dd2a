import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { registerCommand } from '../commands.ts';
import { onSettingChange, setting, sshOptions } from '../config.ts';
import { Command, Setting, walkthroughId } from '../contributions.ts';

/** Commands that belong to no view, and settings that a running engine must hear of. */
export function registerGeneral(context: AppContext): void {
  const { disposables, errors, log, engine, extension } = context;
  const { id } = extension.extension;
  const execute = (command: string, ...args: unknown[]) => vscode.commands.executeCommand(command, ...args);

  disposables.add(registerCommand(errors, Command.showLog, () => log.show(true)));
  disposables.add(
    registerCommand(errors, Command.openSettings, () => execute('workbench.action.openSettings', `@ext:${id}`)),
  );
  disposables.add(
    registerCommand(errors, Command.openWalkthrough, () =>
      execute('workbench.action.openWalkthrough', `${id}#${walkthroughId}`, false),
    ),
  );
  disposables.add(
    registerCommand(errors, Command.copyDiagnostics, async () => {
      await vscode.env.clipboard.writeText(diagnosticsText(context));
      vscode.window.setStatusBarMessage('Ringside: diagnostics copied', 3000);
    }),
  );
  disposables.add(
    onSettingChange(
      [Setting.sshConfigFile, Setting.sshTransport, Setting.sudo, Setting.ephemeral, Setting.readOnlyHosts],
      () => {
        engine.configure(sshOptions()).then(
          () => context.hosts.refresh(),
          (error: unknown) => errors.show(error),
        );
      },
    ),
  );
}

/** Versions, hosts by state and settings that are no paths: nothing here names a user, a file or an address. */
function diagnosticsText({ extension, runs, hosts, engine }: AppContext): string {
  const { version } = extension.extension.packageJSON as { version: string };
  const lines = [
    `Ringside ${version}, VS Code ${vscode.version} (${vscode.env.appHost}), ${process.platform} ${process.arch}, Node ${process.version}`,
    `trusted: ${vscode.workspace.isTrusted}, remote: ${vscode.env.remoteName ?? 'none'}, engine: ${engine.started ? 'started' : 'not started'}`,
    `transport: ${setting(Setting.sshTransport)}, sudo: ${setting(Setting.sudo)}, own clang: ${setting(Setting.clangPath) !== ''}`,
    ...hosts
      .all()
      .flatMap(({ state }, index) =>
        state.info
          ? [
              `host ${index + 1}: ${state.state}, ${state.info.distro}, kernel ${state.info.kernel}, ${state.info.arch}, BTF ${state.info.btf}`,
            ]
          : [],
      ),
    ...runs
      .all()
      .map(
        (run, index) =>
          `run ${index + 1}: ${run.state}${run.error ? `, ${run.error.code}` : ''}, ${run.attachments.length} attachments`,
      ),
  ];
  return lines.join('\n') + '\n';
}
