import * as vscode from 'vscode';
import type { KeptOn, RunSummary } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import type { Attacher } from '../attach/attacher.ts';
import { setting, storeBytes } from '../config.ts';
import { Setting } from '../contributions.ts';
import { ExtensionError, errorData } from '../errors.ts';
import { isLive, untilText } from '../format.ts';
import { isHeldBy, isSame, keptKey } from '../model/keptMemory.ts';
import type { KeptRuns } from '../model/keptRuns.ts';
import type { RunList } from '../model/runList.ts';
import { withProgress } from '../progress.ts';
import { pickKeepTime } from './keepPicker.ts';

export interface KeeperParts {
  engine: Engine;
  runs: RunList;
  kept: KeptRuns;
  attacher: Attacher;
}

type Named = KeptOn & { name: string };

/** Everything that can be done with runs that outlive the window: keep, leave, go on with, end. */
export class Keeper implements vscode.Disposable {
  readonly #parts: KeeperParts;
  readonly #adopted = new vscode.EventEmitter<{ run: RunSummary; before: string[] }>();
  /** Somebody asked for a kept run; `before` are ended runs of this window that were the same one. */
  readonly onDidAdopt = this.#adopted.event;
  readonly #adopting = new Map<string, Promise<RunSummary>>();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Asks for how long, and keeps. */
  async ask(run: RunSummary): Promise<void> {
    if (setting(Setting.ephemeral)) throw ephemeral();
    const seconds = await pickKeepTime(run);
    if (seconds === undefined || (seconds === 0 && run.kept.length === 0)) return;
    const kept = await this.#parts.attacher.keep(run.id, seconds);
    vscode.window.setStatusBarMessage(keptText(kept), 8000);
  }

  /** Goes away from a run that is kept. */
  async leave(run: RunSummary): Promise<void> {
    if (run.kept.length === 0) {
      throw new ExtensionError({
        code: 'usage',
        message: `${run.name} is not kept: it ends with this window.`,
        remedy: 'Choose "Keep Running…" first.',
      });
    }
    const left = await this.#parts.attacher.leave(run.id);
    vscode.window.setStatusBarMessage(goesOnText(left), 8000);
  }

  /** Stops a run; of one that is kept it is asked whether it shall end. */
  async stop(run: RunSummary): Promise<void> {
    const end = run.kept.length === 0 ? 'end' : await askEndOrLeave(run);
    if (end === 'end') await this.#parts.attacher.stop(run.id);
    else if (end === 'leave') await this.leave(run);
  }

  /** Goes on with a kept run, here. `quiet`: whoever asks shows it. */
  async adopt(on: Named, { quiet = false } = {}): Promise<RunSummary> {
    const { runs } = this.#parts;
    const held = runs.live().find((run) => isHeldBy(on, run));
    const key = keptKey(on);
    const run = held ?? (await (this.#adopting.get(key) ?? this.#adoptOnce(key, on)));
    if (!quiet) {
      const same = (other: RunSummary): boolean => !isLive(other) && other.kept.some((k) => isSame(k, on));
      this.#adopted.fire({ run, before: runs.all().flatMap((other) => (same(other) ? [other.id] : [])) });
    }
    return run;
  }

  /** Somebody goes on with it right now, such as a panel that comes back. */
  isAdopting(on: KeptOn): boolean {
    return this.#adopting.has(keptKey(on));
  }

  #adoptOnce(key: string, on: Named): Promise<RunSummary> {
    const adopting = this.#adopt(on).finally(() => this.#adopting.delete(key));
    this.#adopting.set(key, adopting);
    return adopting;
  }

  async #adopt(on: Named): Promise<RunSummary> {
    const { engine, runs, kept } = this.#parts;
    const look = { where: '', durationSeconds: null, count: null, mapsSeconds: null, storeBytes: storeBytes() };
    try {
      const run = await withProgress(`Ringside: going on with ${on.name} on ${on.host}`, (call) =>
        engine.adopt({ host: on.host, run: on.run, ...look }, call),
      );
      runs.update(run);
      vscode.window.setStatusBarMessage(`Adopted ${keptText(run)}`, 8000);
      return run;
    } catch (error) {
      if (errorData(error).code !== 'run-not-kept') throw error;
      await kept.forget(on);
      throw notKept(on);
    }
  }

  /** Ends a kept run; gives whether the user confirmed it. */
  async end(on: Named): Promise<boolean> {
    const { engine, kept } = this.#parts;
    if (!(await confirmEnd(on))) return false;
    try {
      await withProgress(`Ringside: ending ${on.name} on ${on.host}`, (call) => engine.endKept(on.host, on.run, call));
    } catch (error) {
      if (errorData(error).code !== 'run-not-kept') throw error;
      await kept.forget(on);
      throw notKept(on);
    }
    await kept.forget(on);
    vscode.window.setStatusBarMessage(`Ended ${on.name} on ${on.host}: nothing of it is attached`, 5000);
    return true;
  }

  dispose(): void {
    this.#adopted.dispose();
  }
}

async function askEndOrLeave(run: RunSummary): Promise<'end' | 'leave' | undefined> {
  const until = untilText(run.kept[0]!.expires);
  const items = [
    { label: '$(debug-disconnect) Leave It Running', description: `until ${until}`, end: 'leave' as const },
    { label: '$(debug-stop) Detach Now', description: 'nothing stays attached', end: 'end' as const },
  ];
  const options = { title: `Stop ${run.name}`, placeHolder: 'It is kept running without this window' };
  return (await vscode.window.showQuickPick(items, options))?.end;
}

async function confirmEnd(on: Named): Promise<boolean> {
  const items = [
    { label: '$(debug-stop) End It Now', description: 'everything of it is detached', end: true },
    { label: '$(pinned) Keep It Running', description: `until ${untilText(on.expires)}`, end: false },
  ];
  const options = {
    title: `End ${on.name} on ${on.host}`,
    placeHolder: 'Its records that nobody has read are gone then',
  };
  return (await vscode.window.showQuickPick(items, options))?.end ?? false;
}

/** "execsnoop on web-1: kept until 14:32, also without this window" */
export function keptText(run: RunSummary): string {
  const [kept] = run.kept;
  const where = `${run.name} on ${run.hosts.join(', ')}`;
  return kept === undefined
    ? `${where}: ends with this window`
    : `${where}: kept until ${untilText(kept.expires)}, also without this window`;
}

/** "execsnoop goes on on web-1 until 14:32" */
export function goesOnText(run: Pick<RunSummary, 'name' | 'kept'>): string {
  const hosts = run.kept.map((on) => on.host).join(', ');
  return `${run.name} goes on on ${hosts} until ${untilText(run.kept[0]!.expires)}`;
}

const notKept = (on: Named): ExtensionError =>
  new ExtensionError({
    code: 'run-not-kept',
    message: `${on.name} is not kept on ${on.host} any more.`,
    remedy: 'Its time was over, somebody ended it, or the host was started anew.',
  });

export const ephemeral = (): ExtensionError =>
  new ExtensionError({
    code: 'usage',
    message: 'An agent that leaves nothing behind cannot keep a run.',
    remedy: 'Switch off the setting "Ringside › Agent: Ephemeral", connect to the host again, and attach.',
  });
