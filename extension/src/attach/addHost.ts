import * as vscode from 'vscode';
import type { Engine } from '@ringside/core/rpc';

/**
 * Asks for a host as it is given to `ssh` and for its name, shows the lines and the place where they go, and writes them
 * when the user says so. Gives the new name, or undefined when the user left.
 */
export async function addHostToConfig(engine: Pick<Engine, 'planHost' | 'addHost'>): Promise<string | undefined> {
  const command = await vscode.window.showInputBox({
    title: 'Add Host (1/2)',
    prompt: 'As you would reach it in a terminal.',
    placeHolder: 'ssh -p 2222 -J bastion -i ~/.ssh/key dev@10.0.0.1',
    ignoreFocusOut: true,
  });
  if (command === undefined || command.trim() === '') return undefined;
  const alias = await vscode.window.showInputBox({
    title: 'Add Host (2/2)',
    prompt: 'Its name in your ssh config, and here.',
    value: suggestedName(command),
    ignoreFocusOut: true,
  });
  if (alias === undefined || alias.trim() === '') return undefined;
  const plan = await engine.planHost(command, alias.trim());
  const answer = await vscode.window.showWarningMessage(
    `Add these lines to ${plan.file}, before line ${plan.line}?`,
    { modal: true, detail: plan.text },
    'Add',
  );
  if (answer !== 'Add') return undefined;
  await engine.addHost(plan);
  return plan.alias;
}

/** The first part of the host's own name; an address is no good name, and is left as it is. */
export function suggestedName(command: string): string {
  const last = (command.trim().split(/\s+/).at(-1) ?? '').replace(/^.*@/, '');
  const host = /^\[(.+)\](?::\d+)?$/.exec(last)?.[1] ?? last.replace(/^([^:]*):\d+$/, '$1');
  return /^[\d.]+$|:/.test(host) ? host.replaceAll(':', '-') : (host.split('.')[0] ?? '');
}
