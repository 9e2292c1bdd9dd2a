/** What the editor can do to a source on request: each action in a file of its own, all of them asked here. */
import { CodeActionKind, type CodeAction, type Range } from 'vscode-languageserver';
import type { Analysis } from '../../analysis.ts';
import { addMap } from './addMap.ts';
import { wrapInCoreRead } from './coreRead.ts';
import { extractFunction } from './extract.ts';
import { makeKnob } from './knob.ts';
import { countLost } from './lostCounter.ts';
import { addNullCheck } from './nullCheck.ts';
import type { Action, Where } from './place.ts';
import { perfToRing } from './ringBuffer.ts';

const makers: readonly ((where: Where) => Action[])[] = [
  addNullCheck,
  wrapInCoreRead,
  extractFunction,
  perfToRing,
  countLost,
  makeKnob,
  addMap,
];

const kinds: Readonly<Record<Action['kind'], CodeActionKind>> = {
  refactor: CodeActionKind.Refactor,
  'refactor.extract': CodeActionKind.RefactorExtract,
  'refactor.rewrite': CodeActionKind.RefactorRewrite,
  quickfix: CodeActionKind.QuickFix,
};

export const actionKinds: CodeActionKind[] = Object.values(kinds);

/** Everything that can be done with the selection [from, to), in the order of the makers. */
export function actionsIn(analysis: Analysis, from: number, to: number): Action[] {
  if (!analysis.source.model.whole) return [];
  const where = { analysis, from, to };
  return makers.flatMap((make) => make(where));
}

/** As the editor takes them; `only`: the kinds that it asks for. */
export function codeActionsIn(
  analysis: Analysis,
  from: number,
  to: number,
  uri: string,
  rangeOf: (start: number, end: number) => Range,
  only: readonly string[] | undefined,
): CodeAction[] {
  const isWanted = (kind: string): boolean =>
    only === undefined || only.some((each) => kind === each || kind.startsWith(`${each}.`));
  return actionsIn(analysis, from, to)
    .filter(({ kind }) => isWanted(kind))
    .map(({ title, kind, edits, disabled }): CodeAction => {
      if (disabled !== undefined) return { title, kind: kinds[kind], disabled: { reason: disabled } };
      const changes = edits
        .filter(({ start, end, text }) => start !== end || text !== '')
        .map(({ start, end, text }) => ({ range: rangeOf(start, end), newText: text }));
      return { title, kind: kinds[kind], edit: { changes: { [uri]: changes } } };
    });
}
