import * as vscode from 'vscode';
import { describeHost } from '../format.ts';
import type { HostList } from '../model/hostList.ts';

const memoryKey = 'ringside.severalHosts';

/** Asks for one or more of the known hosts; those of the last time are ticked. Gives undefined when the user leaves. */
export async function pickHosts(
  hosts: HostList,
  memory: vscode.Memento,
  title: string,
  { ticked, why = 'Choose hosts: each kernel has a verifier of its own' }: { ticked?: string[]; why?: string } = {},
): Promise<string[] | undefined> {
  await hosts.load();
  const last = ticked ?? memory.get<string[]>(memoryKey, []);
  const items = hosts.all().map((host) => ({
    label: host.name,
    description: describeHost(host.state) || (host.entry === null ? '' : `${host.entry.user}@${host.entry.hostname}`),
    picked: last.includes(host.name),
  }));
  const chosen = await vscode.window.showQuickPick(items, {
    title,
    placeHolder: why,
    canPickMany: true,
    matchOnDescription: true,
  });
  if (chosen === undefined || chosen.length === 0) return undefined;
  const names = chosen.map(({ label }) => label);
  await memory.update(memoryKey, names);
  return names;
}
