/** A quick pick over every attach point of the host: the server searches, so hundreds of thousands of names freeze nothing. */
import * as vscode from 'vscode';
import type { FoundPoint } from '@ringside/core/model';
import type { LanguageRequests } from '../model/languageRequests.ts';
import { kindWords } from './pointNodes.ts';

const limit = 200;
const debounceMs = 60;

interface Item extends vscode.QuickPickItem {
  point: FoundPoint | undefined;
}

/** The point that was chosen; undefined when the list was closed. */
export function searchPoint(language: LanguageRequests, whose: string): Promise<FoundPoint | undefined> {
  const pick = vscode.window.createQuickPick<Item>();
  pick.title = whose === '' ? 'Attach points' : `Attach points of ${whose}`;
  pick.placeholder = 'A part of the name: vfs_read, sched_switch, file_open …';
  pick.matchOnDescription = false;
  let timer: NodeJS.Timeout | undefined;
  let asked = 0;
  const search = async (): Promise<void> => {
    const mine = ++asked;
    pick.busy = true;
    const items = await itemsFor(language, pick.value.trim());
    // An answer that was overtaken is not shown.
    if (mine !== asked) return;
    pick.items = items;
    pick.busy = false;
  };
  return new Promise((resolve) => {
    pick.onDidChangeValue(() => {
      clearTimeout(timer);
      timer = setTimeout(() => void search(), debounceMs);
    });
    pick.onDidAccept(() => {
      resolve(pick.selectedItems[0]?.point);
      pick.hide();
    });
    pick.onDidHide(() => {
      clearTimeout(timer);
      asked += 1;
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
    void search();
  });
}

async function itemsFor(language: LanguageRequests, text: string): Promise<Item[]> {
  try {
    const { found, more } = await language.ask('ringside/pointSearch', { text, limit });
    const items: Item[] = found.map((point) => ({
      label: `$(${kindWords[point.kind].icon}) ${point.name}`,
      description: kindWords[point.kind].label,
      // The server has matched it; the list's own filter would hide what it does not understand.
      alwaysShow: true,
      point,
    }));
    if (more) items.push({ label: '$(ellipsis) more: type more of the name', alwaysShow: true, point: undefined });
    if (items.length === 0) items.push({ label: `Nothing holds “${text}”.`, alwaysShow: true, point: undefined });
    return items;
  } catch (error) {
    return [{ label: error instanceof Error ? error.message : String(error), alwaysShow: true, point: undefined }];
  }
}
