/** bpftrace scripts: probes from the host's own lists, fields of what is traced, built-in variables and functions. */
import { CompletionItemKind, type CompletionItem, type CompletionList } from 'vscode-languageserver';
import type { PointArgument, PointKind } from '@ringside/core/model';
import { describePoint, namesOf } from '../features/points.ts';
import { declare } from '../features/skeleton.ts';
import { code, escape, hostName } from '../features/texts.ts';
import type { World } from '../kernel/world.ts';
import { aliases, builtins, functions, probeTypes, type Word } from './words.ts';

const LIMIT = 100;
/** Nobody writes larger scripts; what is behind is not looked at. */
const MAX_SCRIPT = 1 << 20;

export type RangeOf = (start: number, end: number) => { start: Position; end: Position };
interface Position {
  line: number;
  character: number;
}

export interface BtHover {
  start: number;
  end: number;
  markdown: string;
}

/** The text with comments and strings blanked out; offsets stay. */
function masked(text: string): string {
  return text
    .slice(0, MAX_SCRIPT)
    .replace(/\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:\\.|[^"\\\n])*"?/g, (found) => found.replace(/[^\n]/g, ' '));
}

const kindOf: Readonly<Record<string, PointKind>> = {
  ...{ tracepoint: 'tracepoint', rawtracepoint: 'raw_tp', kprobe: 'function', kretprobe: 'function' },
  ...{ fentry: 'function', fexit: 'function', iter: 'iter' },
};

interface Probe {
  type: string;
  /** "sched:sched_switch", as far as it is written. */
  target: string;
  start: number;
  targetStart: number;
  end: number;
}

function depthAt(text: string, offset: number): number {
  let depth = 0;
  for (let at = 0; at < offset; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}') depth = Math.max(0, depth - 1);
  }
  return depth;
}

const probePattern = /(?<![\w:.$@])([A-Za-z]+):([\w.*:/+-]*)/g;

function probes(text: string): Probe[] {
  return [...text.matchAll(probePattern)].flatMap((match): Probe[] => {
    const type = aliases.get(match[1]!) ?? match[1]!;
    if (!probeTypes.some(({ name }) => name.startsWith(`${type}:`))) return [];
    const targetStart = match.index + match[1]!.length + 1;
    return [{ type, target: match[2]!, start: match.index, targetStart, end: match.index + match[0].length }];
  });
}

/** The probe whose block an offset is in: the last one written before it. */
function probeAround(text: string, offset: number): Probe | null {
  return (
    probes(text.slice(0, offset))
      .filter((probe) => depthAt(text, probe.start) === 0)
      .at(-1) ?? null
  );
}

const pointName = ({ type, target }: Probe): string => (type === 'tracepoint' ? target.replace(':', '/') : target);

function argumentsOf(probe: Probe | null, world: World): PointArgument[] {
  const kind = probe && kindOf[probe.type];
  return (kind && describePoint(kind, pointName(probe), world)?.arguments) || [];
}

export function completeScript(source: string, offset: number, world: World, rangeOf: RangeOf): CompletionList {
  const text = masked(source);
  const nothing = { isIncomplete: false, items: [] };
  if (
    offset > text.length ||
    (source.slice(0, offset).trimEnd() !== text.slice(0, offset).trimEnd() &&
      text[offset - 1] === ' ' &&
      source[offset - 1] !== ' ')
  )
    return nothing;
  if (depthAt(text, offset) === 0) return completeProbe(text, offset, world, rangeOf);
  const before = text.slice(0, offset);
  if (/\bargs(?:\.|->)\w*$/.test(before)) {
    const items = argumentsOf(probeAround(text, offset), world).map(fieldItem);
    return { isIncomplete: false, items };
  }
  const typed = /(@?\$?\w*)$/.exec(before)![1]!;
  if (typed.startsWith('@')) return { isIncomplete: false, items: mapNames(text, typed, rangeOf, offset) };
  if (/[.>]$/.test(before.slice(0, before.length - typed.length))) return nothing;
  return {
    isIncomplete: false,
    items: [...words(builtins, CompletionItemKind.Variable), ...words(functions, CompletionItemKind.Function)],
  };
}

function completeProbe(text: string, offset: number, world: World, rangeOf: RangeOf): CompletionList {
  const typed = /[\w.*:/+-]*$/.exec(text.slice(0, offset))![0];
  const colon = typed.indexOf(':');
  if (colon < 0) {
    const items = probeTypes.map(({ name, what }, index): CompletionItem => {
      const head = name.includes(':') ? `${name.slice(0, name.indexOf(':'))}:` : name;
      const common = { label: head, detail: name, documentation: what, kind: CompletionItemKind.Event };
      const suggest = { title: 'Suggest', command: 'editor.action.triggerSuggest' };
      return { ...common, sortText: String(index).padStart(2, '0'), ...(head.endsWith(':') && { command: suggest }) };
    });
    return { isIncomplete: false, items };
  }
  const type = aliases.get(typed.slice(0, colon)) ?? typed.slice(0, colon);
  const kind = kindOf[type];
  if (kind === undefined) return { isIncomplete: false, items: [] };
  const start = offset - typed.length + colon + 1;
  const wanted = typed.slice(colon + 1);
  const { names, more } = namesOf(kind, world).search(kind === 'tracepoint' ? wanted.replace(':', '/') : wanted, LIMIT);
  const detail = world.cached ? `cached: ${world.host ?? ''}` : hostName(world);
  const items = names.map((name): CompletionItem => {
    const newText = kind === 'tracepoint' ? name.replace('/', ':') : name;
    const textEdit = { range: rangeOf(start, offset), newText };
    return { label: newText, filterText: newText, detail, kind: CompletionItemKind.Event, textEdit };
  });
  return { isIncomplete: more, items };
}

function fieldItem({ name, type, offset }: PointArgument, index: number): CompletionItem {
  const place = offset === null ? {} : { labelDetails: { description: `offset ${offset}` } };
  return {
    label: name,
    kind: CompletionItemKind.Field,
    detail: declare({ name, type }),
    ...place,
    sortText: String(index).padStart(3, '0'),
  };
}

function mapNames(text: string, typed: string, rangeOf: RangeOf, offset: number): CompletionItem[] {
  const names = new Set(
    [...text.matchAll(/@[A-Za-z_]\w*/g)].filter((m) => m.index + m[0].length !== offset).map((m) => m[0]),
  );
  const range = rangeOf(offset - typed.length, offset);
  return [...names].map((name) => ({
    label: name,
    kind: CompletionItemKind.Variable,
    filterText: name,
    textEdit: { range, newText: name },
  }));
}

const wordName = ({ name }: Word): string => /^\w+/.exec(name)![0];

const words = (list: readonly Word[], kind: CompletionItemKind): CompletionItem[] =>
  list.map((word) => ({ label: wordName(word), detail: word.name, documentation: word.what, kind }));

export function hoverScript(source: string, offset: number, world: World): BtHover | null {
  const text = masked(source);
  const depth = depthAt(text, offset);
  const probe = depth === 0 ? probes(text).find((each) => each.start <= offset && offset <= each.end) : undefined;
  if (probe) return probeHover(probe, world);
  const word = [...text.slice(Math.max(0, offset - 64), offset + 64).matchAll(/[A-Za-z_]\w*/g)]
    .map((match) => ({ name: match[0], start: match.index + Math.max(0, offset - 64) }))
    .find(({ name, start }) => start <= offset && offset <= start + name.length);
  if (!word) return null;
  const place = { start: word.start, end: word.start + word.name.length };
  if (/\bargs(?:\.|->)$/.test(text.slice(0, word.start))) {
    const field = argumentsOf(probeAround(text, offset), world).find(({ name }) => name === word.name);
    return field ? { ...place, markdown: code(`${declare(field)};`) } : null;
  }
  if (/[.>$@:]$/.test(text.slice(0, word.start))) return null;
  const isCall = /^\s*\(/.test(text.slice(place.end, place.end + 16));
  const known = (isCall ? functions : depth === 0 ? probeTypes : builtins).find((each) => wordName(each) === word.name);
  return known ? { ...place, markdown: `${code(known.name)}\n\n${escape(known.what)}` } : null;
}

function probeHover(probe: Probe, world: World): BtHover {
  const { type, target, start, end } = probe;
  const about = probeTypes.find(({ name }) => name.startsWith(`${type}:`))!;
  const parts = [code(about.name), escape(about.what)];
  const kind = kindOf[type];
  if (kind !== undefined && target !== '' && !target.includes('*')) {
    const details = describePoint(kind, pointName(probe), world);
    const known = namesOf(kind, world).names.length > 0;
    if (details?.arguments?.length) parts.push(code(details.arguments.map((each) => `${declare(each)};`).join('\n')));
    if (details?.returns) parts.push(`returns ${escape(details.returns)}`);
    if (known) parts.push(details ? escape(hostName(world)) : `**not in ${escape(hostName(world))}**`);
  }
  return { start, end, markdown: parts.join('\n\n') };
}
