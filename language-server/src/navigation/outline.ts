/** Programs, maps, types, variables and macros of a source, and what can be folded. */
import {
  FoldingRangeKind,
  SymbolKind,
  type DocumentSymbol,
  type FoldingRange,
  type Range,
} from 'vscode-languageserver';
import type { Analysis } from '../analysis.ts';
import type { CDefine } from '../c/model.ts';
import { declarationOf } from '../c/types.ts';
import { declarationStart } from '../features/actions/place.ts';

/** Characters of a macro's text that are shown beside its name. */
const DETAIL = 60;

type RangeOf = (start: number, end: number) => Range;

export function outline({ source }: Pick<Analysis, 'source'>, rangeOf: RangeOf): DocumentSymbol[] {
  const { model } = source;
  const symbol = (
    name: string,
    kind: SymbolKind,
    whole: [number, number],
    at: number,
    detail = '',
  ): DocumentSymbol => ({
    ...{ name, kind, detail },
    range: rangeOf(Math.min(whole[0], at), Math.max(whole[1], at + name.length)),
    selectionRange: rangeOf(at, at + name.length),
  });
  const maps = new Set(model.maps.map((map) => map.name));
  const found = [
    ...model.functions
      .filter((each) => each.bodyEnd > each.bodyStart)
      .map((each) =>
        symbol(
          each.name,
          SymbolKind.Function,
          [declarationStart(source, each), each.bodyEnd],
          each.start,
          each.section?.name,
        ),
      ),
    ...model.maps
      .filter((map) => map.name !== '')
      .map((map) =>
        symbol(map.name, SymbolKind.Object, [map.bodyStart, map.end], map.start, map.fields.get('type')?.value),
      ),
    ...[...model.structs.values()]
      .filter(({ name }) => !name.includes('#'))
      .map((struct): DocumentSymbol => ({
        ...{ name: struct.name, kind: SymbolKind.Struct, range: rangeOf(struct.start, struct.end) },
        selectionRange: rangeOf(struct.start, struct.start + struct.name.length),
        children: struct.fields
          .filter((field) => struct.start <= field.start && field.start <= struct.end)
          .map((field) =>
            symbol(
              field.name,
              SymbolKind.Field,
              [field.start, field.start],
              field.start,
              declarationOf(field.type, '').trim(),
            ),
          ),
      })),
    ...[...model.variables.values()]
      .filter(({ name }) => !maps.has(name))
      .map(({ name, start, type }) =>
        symbol(name, SymbolKind.Variable, [start, start], start, declarationOf(type, '').trim()),
      ),
    ...[...model.typedefs.values()].map(({ name, start, type }) =>
      symbol(name, SymbolKind.Class, [start, start], start, declarationOf(type, '').trim()),
    ),
    ...[...model.defines.values()]
      .filter((define) => !isGuard(source.text, define))
      .map(({ name, value, start, end, hasParameters }) => {
        const at = source.text.indexOf(name, source.text.indexOf('define', start) + 'define'.length);
        const detail = value.replaceAll(/\s+/g, ' ').slice(0, DETAIL);
        return symbol(name, hasParameters ? SymbolKind.Function : SymbolKind.Constant, [start, end], at, detail);
      }),
    ...[...model.constants.values()].map(({ name, start, of, value }) =>
      symbol(name, SymbolKind.EnumMember, [start, start], start, value === null ? of : `${of} = ${value}`),
    ),
  ];
  return found.sort(
    (a, b) => a.range.start.line - b.range.start.line || a.range.start.character - b.range.start.character,
  );
}

/** `#ifndef NAME`, `#define NAME`: what keeps a header from being read twice is no name that anybody looks for. */
function isGuard(text: string, { name, value, start, hasParameters }: CDefine): boolean {
  if (value !== '' || hasParameters) return false;
  const before = /#\s*(?:ifndef\s+|if\s*!\s*defined\s*\(?\s*)(\w+)[ \t]*\)?\s*$/.exec(
    text.slice(Math.max(0, start - 200), start),
  );
  return before?.[1] === name;
}

/** Blocks and comments of several lines; the line with the closing brace stays. */
export function folding({ source }: Analysis, rangeOf: RangeOf): FoldingRange[] {
  const found: FoldingRange[] = [];
  const opened: number[] = [];
  const lines = (start: number, end: number): [number, number] => {
    const range = rangeOf(start, end);
    return [range.start.line, range.end.line];
  };
  for (const { text, start, end } of source.tokens) {
    if (text === '{') opened.push(start);
    else if (text === '}' && opened.length > 0) {
      const [startLine, endLine] = lines(opened.pop()!, end);
      if (endLine > startLine + 1) found.push({ startLine, endLine: endLine - 1 });
    }
  }
  for (const [start, end] of source.lexed.comments) {
    const [startLine, endLine] = lines(start, end);
    if (endLine > startLine) found.push({ startLine, endLine, kind: FoldingRangeKind.Comment });
  }
  return found;
}
