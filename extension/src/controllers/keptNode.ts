import * as vscode from 'vscode';
import { timeLeft } from '@ringside/core/rpc';
import type { AppContext } from '../appContext.ts';
import { NodeContext } from '../contributions.ts';
import { untilText } from '../format.ts';
import type { KeptRun } from '../model/keptRuns.ts';

/** A kept run in a tree: below its host, or (`listed` "runs") in Runs. */
export class KeptNode {
  readonly kept: KeptRun;
  readonly listed: 'hosts' | 'runs';
  constructor(kept: KeptRun, listed: 'hosts' | 'runs') {
    this.kept = kept;
    this.listed = listed;
  }

  get id(): string {
    return `kept:${this.listed}:${this.kept.host}:${this.kept.run}`;
  }
}

/** The tree item of a kept run, wherever it stands. */
export function keptItem({ kept, listed, id }: KeptNode): vscode.TreeItem {
  const item = new vscode.TreeItem(kept.name);
  const until = `kept until ${untilText(kept.expires)}`;
  item.id = id;
  item.description = listed === 'hosts' ? until : `${kept.host} · ${until}`;
  item.iconPath = new vscode.ThemeIcon('pinned');
  item.contextValue = NodeContext.kept;
  item.accessibilityInformation = { label: `${kept.name} on ${kept.host}, ${until}${byWords(kept)}` };
  return item;
}

const byWords = ({ info }: KeptRun): string => (info === null || info.by === '' ? '' : `, by ${info.by}`);

/** Plain text: names come from hosts and are no markup. `programs` null: not known. */
export function keptTooltip(kept: KeptRun, programs: string[] | null): string {
  const { info } = kept;
  const lines = [
    `${kept.name} goes on on ${kept.host}${byWords(kept)}`,
    `until ${untilText(kept.expires)}, ${timeLeft(kept.expires)} from now`,
    info === null ? 'As this window left it; the host has not been asked since.' : `since ${untilText(info.since)}`,
    programs === null || programs.length === 0 ? '' : `programs: ${programs.join(', ')}`,
    `run ${kept.run}${info === null ? '' : `, pid ${info.pid}`}`,
  ];
  return lines.filter((line) => line !== '').join('\n');
}

/** Fills a tooltip when somebody points at the node: which programs it is only then asked, and only where it costs no connection. */
export async function resolveKept(context: AppContext, item: vscode.TreeItem, { kept }: KeptNode): Promise<void> {
  item.tooltip = keptTooltip(kept, await programsOf(context, kept));
}

async function programsOf({ engine, hosts, errors }: AppContext, { host, info }: KeptRun): Promise<string[] | null> {
  if (info === null || hosts.get(host)?.state.state !== 'ready') return null;
  try {
    const programs = await engine.programs(host);
    return programs.filter((p) => p.owners?.some((owner) => owner.pid === info.pid)).map((p) => p.name);
  } catch (error) {
    errors.log(error);
    return null;
  }
}
