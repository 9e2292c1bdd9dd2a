import * as vscode from 'vscode';
import { describeHost } from '../format.ts';
import { localHost } from '../model/hostList.ts';
import type { Host, HostList } from '../model/hostList.ts';

interface HostItem extends vscode.QuickPickItem {
  host?: string;
  enter?: boolean;
  /** Stands nowhere but in the picker's field. */
  typed?: boolean;
}

/**
 * Asks for a host: this machine, those of the ssh config, those typed before, or a new one. The ssh config is read while
 * the picker already stands there. Gives undefined when the user leaves.
 */
export async function pickHost(
  hosts: HostList,
  preferred: string | undefined,
  title: string,
): Promise<string | undefined> {
  const picker = vscode.window.createQuickPick<HostItem>();
  picker.title = title;
  picker.placeholder = 'Choose a host, or type user@host[:port]';
  picker.matchOnDescription = true;
  picker.matchOnDetail = true;
  const fill = (): void => {
    picker.items = [...typedItem(hosts, picker.value), ...hostItems(hosts, preferred)];
  };
  fill();
  picker.onDidChangeValue(fill);
  picker.busy = true;
  void hosts
    .load()
    .then(fill, (error: unknown) => {
      // The other ways stay open: this machine and typing a host.
      picker.placeholder = `The ssh config could not be read: ${error instanceof Error ? error.message : String(error)}`;
    })
    .finally(() => {
      picker.busy = false;
    });
  const chosen = await new Promise<HostItem | undefined>((resolve) => {
    picker.onDidAccept(() => resolve(picker.selectedItems[0]));
    picker.onDidHide(() => resolve(undefined));
    picker.show();
  });
  picker.dispose();
  if (chosen?.enter) return await enterHost(hosts);
  if (chosen?.typed && chosen.host !== undefined) await hosts.remember(chosen.host);
  return chosen?.host;
}

/** Asks for user@host[:port] and remembers it. */
export async function enterHost(hosts: HostList): Promise<string | undefined> {
  const name = await vscode.window.showInputBox({
    title: 'Connect to Host',
    prompt: 'A host as you would give it to ssh; keys and settings come from your ssh config.',
    placeHolder: 'user@host:port',
    ignoreFocusOut: true,
    validateInput: (text) => hostProblem(text.trim()),
  });
  const host = name?.trim();
  if (host === undefined || host === '') return undefined;
  await hosts.remember(host);
  return host;
}

/** What is wrong with a typed host, or undefined. The engine checks again; this is for the one who types. */
export function hostProblem(text: string): string | undefined {
  if (text === '') return 'Type a host name.';
  if (text.startsWith('-')) return 'A host name does not begin with "-".';
  const port = /:(\d*)$/.exec(text.replace(/^[^@]*@/, '').replace(/^\[.*\]/, ''));
  if (port && !(Number(port[1]) >= 1 && Number(port[1]) <= 65535)) return 'A port is a number from 1 to 65535.';
  if (!/^([^@\s,]+@)?(\[[0-9A-Fa-f:.%\w]+\]|[^@\s,/:[\]]+)(:\d+)?$/.test(text))
    return 'Write it as user@host or user@host:port.';
  return undefined;
}

/** Quick connect: what was typed, when it can be a host and is none of the list. */
function typedItem(hosts: HostList, value: string): HostItem[] {
  const host = value.trim();
  if (hostProblem(host) !== undefined || hosts.get(host) !== undefined) return [];
  return [{ label: `$(plug) ${host}`, description: 'connect to it, as to ssh', host, typed: true, alwaysShow: true }];
}

/** The preferred one first, then those that were used last, then the others in their order. */
function hostItems(hosts: HostList, preferred: string | undefined): HostItem[] {
  const recent = hosts.recent();
  const rank = ({ name }: Host): number => {
    if (name === preferred) return -1;
    const at = recent.indexOf(name);
    return at < 0 ? recent.length : at;
  };
  return [
    ...hosts
      .all()
      .sort((a, b) => rank(a) - rank(b))
      .map(hostItem),
    { label: '', kind: vscode.QuickPickItemKind.Separator },
    { label: '$(add) Enter host…', enter: true, alwaysShow: true },
  ];
}

function hostItem(host: Host): HostItem {
  const { entry } = host;
  const words = describeHost(host.state);
  if (host.name === localHost) {
    return { label: '$(device-desktop) local', description: words || 'this machine, without ssh', host: host.name };
  }
  const address = entry ? `${entry.user}@${entry.hostname}${entry.port === 22 ? '' : `:${entry.port}`}` : '';
  return {
    label: `$(${host.state.state === 'ready' ? 'vm-active' : 'vm'}) ${host.name}`,
    description: words || address,
    ...(entry?.proxyJump ? { detail: `through ${entry.proxyJump}` } : {}),
    host: host.name,
  };
}
