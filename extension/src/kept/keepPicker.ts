/** Asks for how long a run may go on without this window. */
import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import { durationText, longestKeptSeconds, parseDuration, timeLeft } from '@ringside/core/rpc';
import { untilText } from '../format.ts';

/** "seconds" of an entry that is no choice. */
interface KeepItem extends vscode.QuickPickItem {
  seconds?: number;
}

const offered = [15 * 60, 3600, 4 * 3600, 8 * 3600, 86_400, 3 * 86_400];

/** What stands in the list while so much is typed. Anything that `ringside attach --keep` takes can be typed. */
export function keepItems(run: Pick<RunSummary, 'kept'>, typed: string, now = Date.now()): KeepItem[] {
  const text = typed.trim();
  if (text !== '') return [typedItem(text, now)];
  const items: KeepItem[] = offered.map((seconds) => timeItem(seconds, now));
  const [kept] = run.kept;
  if (kept === undefined) return items;
  const end: KeepItem = {
    label: '$(close) Do Not Keep',
    description: 'it ends with this window again',
    seconds: 0,
  };
  const heading = `Now until ${untilText(kept.expires, now)}, ${timeLeft(kept.expires, now)} from now`;
  return [
    { label: heading, kind: vscode.QuickPickItemKind.Separator },
    ...items,
    { label: '', kind: vscode.QuickPickItemKind.Separator },
    end,
  ];
}

function timeItem(seconds: number, now: number): KeepItem {
  const until = String(BigInt(now + seconds * 1000) * 1_000_000n);
  return { label: durationText(seconds), description: `until ${untilText(until, now)}`, seconds };
}

function typedItem(text: string, now: number): KeepItem {
  const seconds = parseDuration(text);
  const wrong = (label: string, description: string): KeepItem => ({ label, description, alwaysShow: true });
  if (seconds === undefined) return wrong(`"${text}" is no time`, 'write it like 90s, 45m, 2h or 3d');
  if (seconds > longestKeptSeconds)
    return wrong(`${durationText(seconds)} is too long`, `${durationText(longestKeptSeconds)} at most`);
  return { ...timeItem(seconds, now), alwaysShow: true };
}

/** Seconds; 0 = not any more; undefined when the user leaves. */
export async function pickKeepTime(run: RunSummary): Promise<number | undefined> {
  const picker = vscode.window.createQuickPick<KeepItem>();
  const { kept } = run;
  picker.title = `Keep ${run.name} Running on ${run.hosts.join(', ')} Without This Window`;
  picker.placeholder = 'For how long? Choose, or type a time such as 90s, 45m, 2h, 3d';
  picker.ignoreFocusOut = false;
  const fill = (): void => {
    picker.items = keepItems({ kept }, picker.value);
  };
  fill();
  picker.onDidChangeValue(fill);
  const seconds = await new Promise<number | undefined>((resolve) => {
    picker.onDidAccept(() => {
      const chosen = picker.selectedItems[0] ?? picker.activeItems[0];
      if (chosen?.seconds !== undefined) resolve(chosen.seconds); // else it says what is wrong, and stays
    });
    picker.onDidHide(() => resolve(undefined));
    picker.show();
  });
  picker.dispose();
  return seconds;
}
