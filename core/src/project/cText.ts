/** Looks at a C source from outside: what is code, and which declarations and definitions stand at its top level. */

/** The source with comments, and what stands in quotes, as spaces: every character keeps its place. */
export function codeOnly(source: string): string {
  const parts = /\/\*[\s\S]*?(?:\*\/|$)|\/\/[^\n]*|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?/g;
  return source.replace(parts, (text) => text.replace(/[^\n]/g, ' '));
}

/** A type definition or a #define at the top level, with the comment above it. */
export interface CItem {
  /** What it makes known: "struct event", "event_t", "ARGS_SIZE", an enumerator. */
  names: string[];
  start: number;
  end: number;
}

/** Type definitions and object-like macros that stand outside of functions and of #if. In order. */
export function topLevelTypes(source: string): CItem[] {
  const code = codeOnly(source);
  const items: CItem[] = [];
  let start = -1;
  let conditional = 0;
  for (let at = 0; at < code.length;) {
    if (start < 0 && /\s/.test(code[at]!)) {
      at++;
      continue;
    }
    if (start < 0 && code[at] === '#') {
      const end = directiveEnd(code, at);
      const line = code.slice(at, end);
      if (/^#\s*if/.test(line)) conditional++;
      if (/^#\s*endif/.test(line)) conditional--;
      const macro = /^#\s*define\s+(\w+)(?![\w(])/.exec(line)?.[1];
      if (macro !== undefined && conditional === 0) items.push({ names: [macro], start: at, end });
      at = end + 1;
      continue;
    }
    if (start < 0) start = at;
    if (code[at] === '{') {
      const close = closing(code, at);
      if (isFunction(code.slice(start, at))) start = -1;
      at = close + 1;
    } else if (code[at] === ';') {
      const names = namesOf(code.slice(start, at + 1));
      if (names.length > 0 && conditional === 0) items.push({ names, start, end: at + 1 });
      start = -1;
      at++;
    } else at++;
  }
  return items.map((item) => ({ ...item, start: commentAbove(source, item.start), end: restOfLine(source, item.end) }));
}

/** With continuation lines, without the last line end. */
function directiveEnd(code: string, at: number): number {
  let end = at;
  for (;;) {
    const next = code.indexOf('\n', end);
    if (next < 0) return code.length;
    if (code[next - 1] !== '\\') return next;
    end = next + 1;
  }
}

function closing(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (code[at] === '{') depth++;
    if (code[at] === '}' && --depth === 0) return at;
  }
  return code.length;
}

const attribute = /__attribute__\s*\(\(.*?\)\)|__\w+/gs;

function isFunction(head: string): boolean {
  return (
    head.replace(/__attribute__\s*\(\(.*?\)\)/gs, '').includes('(') || !/^(typedef|struct|union|enum)\b/.test(head)
  );
}

/** What a declaration makes known if it is a type definition and nothing else; else nothing. */
function namesOf(statement: string): string[] {
  const text = statement.replace(/\s+/g, ' ').trim();
  const open = text.indexOf('{');
  const close = text.lastIndexOf('}');
  const bare = (part: string): string => part.replace(attribute, ' ').replace(/ +/g, ' ').trim();
  const head = bare(open < 0 ? text : text.slice(0, open));
  const tail = bare(open < 0 ? '' : text.slice(close + 1));
  const tag = /^(?:typedef )?(struct|union|enum) (\w+)/.exec(head);
  const names = tag && open >= 0 ? [`${tag[1]!} ${tag[2]!}`] : [];
  if (/^(typedef )?enum\b/.test(head) && open >= 0)
    names.push(...[...text.slice(open + 1, close).matchAll(/(?:^|,)\s*(\w+)/g)].map((m) => m[1]!));
  if (head.startsWith('typedef')) {
    const name = /(\w+)\s*(?:\[[^\]]*\])*;$/.exec(open < 0 ? head : tail)?.[1];
    return name === undefined ? [] : [...names, name];
  }
  return open >= 0 && tail === ';' ? names : [];
}

/** Where the comment begins that stands right above, line by line, in the same column; else `start` itself. */
function commentAbove(source: string, start: number): number {
  let from = source.lastIndexOf('\n', start - 1) + 1;
  if (source.slice(from, start).trim() !== '') return start;
  for (;;) {
    const before = source.lastIndexOf('\n', from - 2) + 1;
    const line = source.slice(before, Math.max(from - 1, 0)).trim();
    if (before >= from || !/^(\/\/|\/\*|\*)/.test(line) || /SPDX/.test(line)) return from;
    from = before;
  }
}

/** A comment behind the end, on the same line, belongs to it. */
function restOfLine(source: string, end: number): number {
  const next = source.indexOf('\n', end);
  const rest = source.slice(end, next < 0 ? source.length : next).trim();
  return rest === '' || /^(\/\/|\/\*.*\*\/$)/.test(rest) ? (next < 0 ? source.length : next) : end;
}

/** Takes the definitions of these names out of the source, with all that they need of it. */
export interface Cut {
  /** The source without them, and with `include` among its #include lines. */
  source: string;
  /** The definitions, in the source's order. */
  definitions: string;
  /** Names that they make known. */
  names: Set<string>;
}

/** null when one of `wanted` is not defined in the source. */
export function cutTypes(source: string, wanted: readonly string[], include: string): Cut | null {
  const items = topLevelTypes(source);
  const owner = new Map(items.flatMap((item) => item.names.map((name) => [name, item] as const)));
  if (wanted.length === 0 || !wanted.every((name) => owner.has(name))) return null;
  const chosen = new Set<CItem>();
  const waiting = wanted.map((name) => owner.get(name)!);
  for (let item = waiting.pop(); item; item = waiting.pop()) {
    if (chosen.has(item)) continue;
    chosen.add(item);
    for (const name of mentioned(codeOnly(source.slice(item.start, item.end)))) {
      const needed = owner.get(name);
      if (needed) waiting.push(needed);
    }
  }
  const ordered = items.filter((item) => chosen.has(item));
  const definitions = ordered.map((item) => source.slice(item.start, item.end).trimEnd());
  let rest = source;
  for (const item of ordered.toReversed()) rest = rest.slice(0, item.start) + rest.slice(item.end).replace(/^\n/, '');
  return {
    source: withInclude(rest.replace(/\n{3,}/g, '\n\n'), include),
    definitions: definitions.map((text, i) => spaced(text, definitions[i - 1])).join('\n'),
    names: new Set(ordered.flatMap((item) => item.names)),
  };
}

/** Macros stand together, types apart. */
function spaced(text: string, before: string | undefined): string {
  const isMacro = (one: string): boolean => /^#/.test(codeOnly(one).trim());
  return before === undefined || (isMacro(text) && isMacro(before)) ? text : `\n${text}`;
}

function mentioned(code: string): Set<string> {
  return new Set([...code.matchAll(/\b(?:(?:struct|union|enum)\s+\w+|\w+)/g)].map((m) => m[0].replace(/\s+/g, ' ')));
}

/** Behind the last #include; at the top of a source without one. */
function withInclude(source: string, name: string): string {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, (text) => text.replace(/[^\n]/g, ' '));
  const lines = [...code.matchAll(/^[ \t]*#[ \t]*include\b[^\n]*/gm)];
  const last = lines.at(-1);
  const line = `#include "${name}"\n`;
  if (!last) return `${line}\n${source}`;
  const end = last.index + last[0].length + 1;
  return source.slice(0, end) + line + source.slice(end);
}
