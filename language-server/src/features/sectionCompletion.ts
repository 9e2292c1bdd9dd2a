/** Inside SEC("…"): the sections of libbpf, then what the kernel has to attach to, with the whole program behind it. */
import { parseSection, sectionContext, sectionForms, type SectionForm } from '@ringside/core/bpf';
import {
  CompletionItemKind,
  InsertTextFormat,
  type CompletionItem,
  type CompletionList,
  type Range,
} from 'vscode-languageserver';
import type { Analysis } from '../analysis.ts';
import type { CSection } from '../c/model.ts';
import { NameList } from '../kernel/kernel.ts';
import type { World } from '../kernel/world.ts';
import { frameEdits } from './frame.ts';
import { skeletonOf, snippetText } from './skeleton.ts';

const LIMIT = 100;

export type RangeOf = (start: number, end: number) => Range;

export function completeSection(
  analysis: Analysis,
  section: CSection,
  typed: string,
  rangeOf: RangeOf,
): CompletionList {
  const optional = typed.startsWith('?') ? '?' : '';
  const text = typed.slice(optional.length);
  const form = targetForm(text);
  const place = placeOf(analysis, section);
  const make = (name: string, more: Partial<CompletionItem>): CompletionItem =>
    item(analysis, `${optional}${name}`, place, rangeOf, more);
  if (form !== null) {
    const prefix = form.pattern.slice(0, -1);
    const known = targetsOf(form, analysis.world);
    const { names, more } = known.search(text.slice(prefix.length + 1), LIMIT);
    const detail = sectionContext(form).what;
    const items = names.map((name) =>
      make(`${prefix}/${name}`, { detail, kind: CompletionItemKind.Event, ...stale(analysis.world) }),
    );
    return { isIncomplete: more, items };
  }
  const items = sectionForms.flatMap((each, index): CompletionItem[] => {
    const open = each.pattern.endsWith('+');
    const name = open ? each.pattern.slice(0, -1) : each.pattern;
    const sortText = String(index).padStart(3, '0');
    const kind = CompletionItemKind.Module;
    const detail = `${each.type}: ${sectionContext(each).what}`;
    if (!open || each.target === 'member') return [make(name, { detail, sortText, kind })];
    // A target follows: the list opens again behind the slash.
    const range = rangeOf(section.start, section.end);
    const command = { title: 'Suggest', command: 'editor.action.triggerSuggest' };
    const newText = `${optional}${name}/`;
    return [{ label: newText, filterText: newText, detail, sortText, kind, command, textEdit: { range, newText } }];
  });
  return { isIncomplete: false, items };
}

function stale(world: World): Partial<CompletionItem> {
  return world.cached ? { labelDetails: { description: `cached: ${world.host ?? ''}` } } : {};
}

/** The form whose slash has been typed: "kprobe/vf". Null while its own name is being typed. */
function targetForm(text: string): SectionForm | null {
  if (!text.includes('/')) return null;
  const { form } = parseSection(text);
  return form?.pattern.endsWith('+') ? form : null;
}

const none = new NameList([]);

function targetsOf(form: SectionForm, world: World): NameList {
  const { kernel, points } = world;
  switch (form.target) {
    case 'tracepoint':
      return points.tracepointNames;
    case 'event':
      return kernel?.events ?? none;
    case 'iter':
      return kernel?.iterators ?? none;
    case 'member':
      return kernel ? structOpsMembers(world) : none;
    case 'func':
      if (form.type === 'lsm') return kernel?.hooks ?? none;
      if (form.attach.endsWith('syscall')) return kernel?.syscalls ?? none;
      if (form.type === 'kprobe' && points.kprobes) return points.kprobes;
      return form.type === 'ext' ? none : (kernel?.functions ?? none);
    default:
      return none;
  }
}

const members = new WeakMap<object, NameList>();

function structOpsMembers({ kernel }: World): NameList {
  let list = members.get(kernel!);
  if (!list) {
    const names = kernel!.structOps.names.flatMap((name) => {
      const id = kernel!.find(`struct ${name}`);
      const fields = id === null ? [] : (kernel!.fields(id) ?? []);
      return fields.filter((field) => kernel!.btf.resolve(field.type).kind === 'ptr').map((field) => field.name);
    });
    members.set(kernel!, (list = new NameList(names)));
  }
  return list;
}

interface Place {
  start: number;
  /** Behind the name. */
  end: number;
  /** Behind `")` when a program is to be written there; else null. */
  closing: number | null;
  eol: string;
}

/** A program is written where none follows the section on its line or the next. */
function placeOf({ source }: Analysis, section: CSection): Place {
  const { text } = source;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const rest = /^"?[ \t]*\)?[ \t]*/.exec(text.slice(section.end, section.end + 64))![0];
  const behind = section.end + rest.length;
  const isLast = /^[ \t]*(?:\r?\n[ \t]*(?:\r?\n|$)|$)/.test(text.slice(behind, behind + 64));
  const isOwnLine = /(^|\n)[ \t]*SEC[ \t]*\([ \t]*"$/.test(text.slice(Math.max(0, section.start - 200), section.start));
  return { start: section.start, end: section.end, closing: isOwnLine && isLast ? behind : null, eol };
}

function item(
  analysis: Analysis,
  name: string,
  place: Place,
  rangeOf: RangeOf,
  more: Partial<CompletionItem>,
): CompletionItem {
  const common = { label: name, filterText: name, data: { uri: analysis.uri, section: name }, ...more };
  const skeleton = place.closing === null ? null : skeletonOf(name.replace(/^\?/, ''), analysis.world);
  if (skeleton === null) return { ...common, textEdit: { range: rangeOf(place.start, place.end), newText: name } };
  const head = snippetText(skeleton.head).replace(skeleton.name, `\${1:${skeleton.name}}`);
  const body = `{${place.eol}\t$0${place.eol}\treturn ${snippetText(skeleton.returns)};${place.eol}\\}`;
  const newText = `${snippetText(name)}")${place.eol}${head}${place.eol}${body}`;
  const frame = frameEdits(analysis, skeleton.head, rangeOf);
  return {
    ...common,
    insertTextFormat: InsertTextFormat.Snippet,
    textEdit: { range: rangeOf(place.start, place.closing!), newText },
    ...(frame.length > 0 && { additionalTextEdits: frame }),
  };
}
