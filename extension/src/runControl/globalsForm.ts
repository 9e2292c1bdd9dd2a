/** The form of a program's globals: a list of knobs, each typed into with its type and the source's comment beside it. */
import * as vscode from 'vscode';
import type { RunGlobal, RunSummary } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import { errorData } from '../errors.ts';

interface KnobItem extends vscode.QuickPickItem {
  knob?: RunGlobal;
}

export const isKnob = (global: RunGlobal): boolean => global.constVolatile && global.section.startsWith('.rodata');
export const isVariable = (global: RunGlobal): boolean => /^\.(data|bss)/.test(global.section);

/** What a value looks like when it is typed. */
export const typedValue = ({ value }: Pick<RunGlobal, 'value'>): string => (value === null ? '' : String(value));

/** What a variable holds now, in words, and what is changed when it is typed into: "" where there is no one value. */
export function heldNow({ now }: RunGlobal): { text: string; typed: string } {
  const words = ({ value }: RunGlobal['now'][number]): string => (value === null ? 'not shown' : String(value));
  const [first] = now;
  if (first === undefined) return { text: 'not known', typed: '' };
  if (now.every((one) => one.value === first.value)) return { text: words(first), typed: typedValue(first) };
  return { text: now.map((one) => `${words(one)} on ${one.host}`).join(', '), typed: '' };
}

/** Changes that are not made yet, over what the run was attached with. */
export class KnobChanges {
  readonly #globals: readonly RunGlobal[];
  readonly #set: Map<string, string>;

  constructor(globals: readonly RunGlobal[]) {
    this.#globals = globals;
    this.#set = new Map(globals.flatMap((g) => (g.set === null ? [] : [[g.name, g.set]])));
  }

  valueOf(knob: RunGlobal): string {
    return this.#set.get(knob.name) ?? typedValue(knob);
  }

  /** The value that the object has is no change. */
  change(knob: RunGlobal, value: string): void {
    if (value === typedValue(knob)) this.#set.delete(knob.name);
    else this.#set.set(knob.name, value);
  }

  get set(): Record<string, string> {
    return Object.fromEntries(this.#set);
  }

  get changed(): boolean {
    return this.#globals.some((g) => (this.#set.get(g.name) ?? null) !== g.set);
  }
}

/** Asks for the knobs of a run; undefined when the user leaves, or changes nothing. */
export async function askKnobs(engine: Engine, run: RunSummary): Promise<Record<string, string> | undefined> {
  const globals = await engine.globals(run.id);
  const knobs = globals.filter(isKnob);
  if (knobs.length === 0) {
    void vscode.window.showInformationMessage(
      `${run.name} has no knobs: give it a \`const volatile\` global, and it can be restarted with other values.`,
    );
    return undefined;
  }
  const changes = new KnobChanges(globals);
  for (;;) {
    const restart: KnobItem = {
      label: '$(debug-restart) Restart with These Values',
      detail: 'Maps, streams and rows stay; the new version takes the old one’s place.',
    };
    const items: KnobItem[] = knobs.map((knob) => knobItem(knob, changes.valueOf(knob)));
    const title = `Globals of ${run.name}`;
    const shown = changes.changed ? [restart, ...items] : items;
    const chosen = await vscode.window.showQuickPick(shown, {
      title,
      placeHolder: 'Choose a value to change',
      // What was typed would be lost with it.
      ignoreFocusOut: true,
    });
    if (chosen === undefined) return undefined;
    if (chosen.knob === undefined) return changes.set;
    const value = await askValue(engine, run, chosen.knob, changes.valueOf(chosen.knob));
    if (value !== undefined) changes.change(chosen.knob, value);
  }
}

function knobItem(knob: RunGlobal, value: string): KnobItem {
  const was = value === typedValue(knob) ? '' : ` (the program says ${typedValue(knob)})`;
  return {
    label: knob.name,
    description: `${value === '' ? '?' : value}${was}`,
    detail: [knob.type, knob.comment].filter((text) => text !== '').join(' · '),
    knob,
  };
}

/** A value that fits the type: the engine, which will write it, says so while it is typed. */
export function askValue(
  engine: Engine,
  run: RunSummary,
  { name, type, comment }: RunGlobal,
  value: string,
): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title: `${name}: ${type}`,
    prompt: comment === '' ? `A ${type}` : comment,
    value,
    ignoreFocusOut: true,
    validateInput: async (typed) => {
      try {
        await engine.checkGlobal(run.id, name, typed);
        return undefined;
      } catch (error) {
        const { message, remedy } = errorData(error);
        return `${message} ${remedy}`;
      }
    },
  });
}

/** Changes one variable of the program while it runs. */
export async function changeVariable(engine: Engine, run: RunSummary): Promise<void> {
  const variables = (await engine.globals(run.id)).filter(isVariable);
  if (variables.length === 0) {
    void vscode.window.showInformationMessage(`${run.name} has no variables that may change while it runs.`);
    return;
  }
  const items = variables.map((one) => ({
    label: one.name,
    description: heldNow(one).text,
    detail: [one.type, one.comment].filter((text) => text !== '').join(' · '),
    one,
  }));
  const title = `Variables of ${run.name}`;
  const chosen = await vscode.window.showQuickPick(items, {
    title,
    placeHolder: 'Which one? It changes at once',
    // A webview that had the keyboard before the command gets it back a moment later, which would close this.
    ignoreFocusOut: true,
  });
  if (chosen === undefined) return;
  const value = await askValue(engine, run, chosen.one, heldNow(chosen.one).typed);
  if (value === undefined) return;
  await engine.setVariable(run.id, chosen.one.name, value);
  vscode.window.setStatusBarMessage(`${chosen.one.name} = ${value} on ${run.hosts.join(', ')}`, 5000);
}
