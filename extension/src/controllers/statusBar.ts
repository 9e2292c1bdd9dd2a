import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { registerCommand } from '../commands.ts';
import { Command } from '../contributions.ts';
import { describeHost, describeRun } from '../format.ts';
import { isBpfSource } from '../files.ts';
import { onDidRecognise } from '../sources.ts';
import { Throttle } from '../throttle.ts';
import { statusOf } from './statusText.ts';

const refreshIntervalMs = 500;

/** `◉ web-1 · 2 runs · 48.2 k/s · lost 0`; hidden while there is nothing to say. */
export function registerStatusBar(context: AppContext): void {
  const { disposables, errors, runs, hosts, chosenHosts } = context;
  const item = disposables.add(
    vscode.window.createStatusBarItem('ringside.status', vscode.StatusBarAlignment.Left, 50),
  );
  item.name = 'Ringside';
  item.command = Command.overview;

  const update = (): void => {
    const editor = vscode.window.activeTextEditor?.document.uri;
    const source = editor !== undefined && isBpfSource(editor) ? editor : undefined;
    const status = statusOf({
      runs: runs.all(),
      hosts: hosts.all().map((host) => host.state),
      chosenHost: source && chosenHosts.get(source),
      sourceOpen: source !== undefined,
    });
    if (status === null) {
      item.hide();
      return;
    }
    item.text = status.text;
    item.tooltip = status.tooltip;
    item.backgroundColor = status.warn ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    item.accessibilityInformation = { label: `Ringside: ${status.tooltip}` };
    item.show();
  };
  const refresh = disposables.add(new Throttle(refreshIntervalMs, update));
  disposables.add(runs.onDidChange(() => refresh.request()));
  disposables.add(hosts.onDidChange(() => refresh.request()));
  disposables.add(chosenHosts.onDidChange(() => refresh.request()));
  disposables.add(vscode.window.onDidChangeActiveTextEditor(() => refresh.request()));
  disposables.add(onDidRecognise(() => refresh.request()));
  refresh.request();
  disposables.add(registerCommand(errors, Command.overview, () => overview(context)));
}

interface OverviewItem extends vscode.QuickPickItem {
  run?: () => unknown;
}

/** Runs to open, hosts to connect or leave, and the way to the log. */
async function overview(context: AppContext): Promise<void> {
  const { runs, hosts, panels, engine, errors } = context;
  await hosts.load().catch((error: unknown) => errors.log(error));
  const heading = (label: string): OverviewItem => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const ofRun = (run: RunSummary): OverviewItem => ({
    label: `$(pulse) ${run.name}`,
    description: describeRun(run),
    run: () => panels.open(run, true),
  });
  const items: OverviewItem[] = [
    heading('Runs'),
    ...runs.all().map(ofRun),
    heading('Hosts'),
    ...hosts.all().map(({ name, state }) => {
      const ready = state.state === 'ready';
      const action = ready ? 'disconnect' : 'connect';
      return {
        label: `$(${ready ? 'vm-active' : 'vm'}) ${name}`,
        description: [action, describeHost(state)].filter((word) => word !== '').join(' · '),
        run: () => (ready ? engine.disconnect(name) : vscode.commands.executeCommand(Command.hostConnect, { name })),
      };
    }),
    heading(''),
    { label: '$(output) Show Log', run: () => vscode.commands.executeCommand(Command.showLog) },
  ];
  const chosen = await vscode.window.showQuickPick(items, {
    placeHolder: 'Open a run, connect or leave a host',
    matchOnDescription: true,
  });
  await chosen?.run?.();
}
