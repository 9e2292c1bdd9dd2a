/** What is done with a run beyond pausing its view: other globals, an end in time, a pause at its source. */
import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import { parseDuration } from '@ringside/core/rpc';
import type { AppContext } from '../appContext.ts';
import { registerCommand } from '../commands.ts';
import { setting } from '../config.ts';
import { Command, Setting } from '../contributions.ts';
import { pickRun } from '../controllers/pickRun.ts';
import type { RunNode } from '../controllers/runsView.ts';
import { withProgress } from '../progress.ts';
import { askKnobs, changeVariable } from './globalsForm.ts';
import { RedeployOnSave } from './redeployOnSave.ts';

type ControlCommand =
  typeof Command.runGlobals | typeof Command.runVariable | typeof Command.runTimeLimit | typeof Command.runSuspend;

export function registerRunControl(context: AppContext): void {
  const { disposables, errors, runs, engine, attacher } = context;
  disposables.add(new RedeployOnSave({ errors, runs, attacher }));
  disposables.add(registerCommand(errors, Command.redeployOnSave, toggleRedeployOnSave));
  const onLive = (id: ControlCommand, action: (run: RunSummary) => Promise<unknown>): void => {
    const handler = async (target?: RunNode | string): Promise<void> => {
      const run = await pickRun(runs, target, () => runs.live());
      if (run !== undefined) await action(run);
    };
    disposables.add(registerCommand(errors, id, handler));
  };
  onLive(Command.runGlobals, async (run) => {
    const set = await askKnobs(engine, run);
    if (set !== undefined) await attacher.restart(run.id, { set });
  });
  onLive(Command.runVariable, (run) => changeVariable(engine, run));
  onLive(Command.runTimeLimit, async (run) => {
    const seconds = await askTime(run);
    if (seconds !== undefined) runs.update(await engine.limitTime(run.id, seconds));
  });
  onLive(Command.runSuspend, async (run) => {
    const suspend = run.suspendedAt === undefined;
    const title = `Ringside: ${suspend ? 'detaching' : 'attaching'} ${run.name}`;
    runs.update(await withProgress(title, (call) => engine.suspend(run.id, suspend, call)));
  });
}

/** For the workspace, or without one for the user. */
async function toggleRedeployOnSave(): Promise<void> {
  const on = !setting(Setting.redeployOnSave);
  const { workspaceFolders } = vscode.workspace;
  const target =
    workspaceFolders === undefined ? vscode.ConfigurationTarget.Global : vscode.ConfigurationTarget.Workspace;
  await vscode.workspace.getConfiguration().update(Setting.redeployOnSave, on, target);
  const words = on ? 'a save puts the new version into live runs' : 'live runs stay as they are';
  vscode.window.setStatusBarMessage(`Redeploy on save is ${on ? 'on' : 'off'}: ${words}`, 5000);
}

/** Seconds, null for no end, undefined when the user leaves. */
async function askTime(run: RunSummary): Promise<number | null | undefined> {
  const text = await vscode.window.showInputBox({
    title: `How much longer does ${run.name} run?`,
    prompt: 'A time such as 90s, 15m or 2h from now; then it is detached. 0: no end.',
    value: run.endsAt === undefined ? '15m' : '0',
    ignoreFocusOut: true,
    validateInput: (typed) =>
      readTime(typed) === undefined ? 'A time such as 90s, 15m or 2h; 0 for no end.' : undefined,
  });
  return text === undefined ? undefined : readTime(text);
}

const readTime = (text: string): number | null | undefined => (text.trim() === '0' ? null : parseDuration(text.trim()));
