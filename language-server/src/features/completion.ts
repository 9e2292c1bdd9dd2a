/** What can stand at the cursor. */
import { helperAllowed, helperFact, mapFacts, mapFields, parseSection } from '@ringside/core/bpf';
import { CompletionItemKind, InsertTextFormat, type CompletionItem, type CompletionList } from 'vscode-languageserver';
import type { Analysis } from '../analysis.ts';
import { placeAt, type Place } from '../c/place.ts';
import type { Member } from '../c/types.ts';
import { completeSection, type RangeOf } from './sectionCompletion.ts';
import { skeletonOf } from './skeleton.ts';
import { code, helperSignature, helperText, hostName, offsetText } from './texts.ts';

const LIMIT = 100;

/** What an item stands for, so that its description is made only when somebody looks at it. */
export interface ItemData {
  uri: string;
  helper?: string;
  kfunc?: string;
  section?: string;
  programType?: string | null;
}

export interface CompletionOptions {
  uri: string;
  rangeOf: RangeOf;
  /** True where nothing else in the editor knows C. */
  genericC: boolean;
}

const nothing: CompletionList = { isIncomplete: false, items: [] };

export function complete(analysis: Analysis, offset: number, options: CompletionOptions): CompletionList {
  if (!analysis.source.model.whole) return nothing;
  const place = placeAt(analysis.source, offset);
  switch (place.kind) {
    case 'nothing':
      return nothing;
    case 'section':
      return completeSection(analysis, place.section, place.typed, options.rangeOf);
    case 'member':
      return options.genericC ? members(analysis, place) : nothing;
    case 'chain':
      return chain(analysis, place);
    case 'mapField':
      return fieldsOfMaps(place, options.rangeOf, offset);
    case 'mapValue':
      return valuesOfMaps(analysis, place);
    case 'type':
      return options.genericC ? typeNames(analysis, place) : nothing;
    case 'code':
      return words(analysis, place.typed, offset, options);
    case 'top':
      return topLevel(place.typed);
  }
}

function members(analysis: Analysis, place: Extract<Place, { kind: 'member' }>): CompletionList {
  const { types, source } = analysis;
  const of = types.expression(source.tokens, place.from, place.to);
  return {
    isIncomplete: false,
    items: ((of && types.members(of)) ?? []).map((member, index) => memberItem(member, index, analysis)),
  };
}

function chain(analysis: Analysis, { call }: Extract<Place, { kind: 'chain' }>): CompletionList {
  const { types, source } = analysis;
  const skip = call.name.text.includes('INTO') ? 1 : 0;
  const start = call.parts[skip];
  const of = start && types.expression(source.tokens, start[0], start[1]);
  if (!of) return nothing;
  const before = call.parts.slice(skip + 1, call.argument);
  // "__sk_common." is typed already: what stands before the last dot narrows the argument.
  const current = call.parts[call.argument];
  if (current && source.tokens[current[1] - 1]?.text === '.') before.push([current[0], current[1] - 1]);
  const reached = types.chain(of, source.tokens, before);
  return {
    isIncomplete: false,
    items: ((reached && types.members(reached)) ?? []).map((member, index) => memberItem(member, index, analysis)),
  };
}

function memberItem(member: Member, index: number, { world }: Analysis): CompletionItem {
  const place = member.bitOffset === null ? '' : `offset ${offsetText(member.bitOffset)}`;
  const size = member.bitSize > 0 ? `${member.bitSize} bits` : member.size === null ? '' : `${member.size} bytes`;
  return {
    label: member.name,
    kind: CompletionItemKind.Field,
    detail: member.declaration,
    labelDetails: { description: [place, size].filter(Boolean).join(', ') },
    documentation: `${member.owner}${member.type.from === 'kernel' ? ` of ${hostName(world)}` : ''}`,
    sortText: String(index).padStart(5, '0'),
  };
}

function fieldsOfMaps(
  { map, macro, typed, start }: Extract<Place, { kind: 'mapField' }>,
  rangeOf: RangeOf,
  offset: number,
): CompletionList {
  const taken = new Set(map?.fields.keys());
  const free = mapFields.filter((field) => !taken.has(field.name) || field.name === typed);
  // Inside "__uint(" only the name is missing.
  if (macro !== '') {
    const names = free.filter((field) => field.macro.startsWith(`${macro}(`));
    return {
      isIncomplete: false,
      items: names.map(({ name, what }) => ({ label: name, kind: CompletionItemKind.Property, detail: what })),
    };
  }
  const range = rangeOf(start, offset);
  const items = free.map(({ name, macro: newText, what }, index): CompletionItem => ({
    label: newText.replace(/\$\{\d+:([^}]*)\}/g, '$1').replace(/;$/, ''),
    filterText: `${newText.slice(0, newText.indexOf('('))} ${name}`,
    ...{ kind: CompletionItemKind.Property, detail: what, sortText: String(index).padStart(2, '0') },
    insertTextFormat: InsertTextFormat.Snippet,
    textEdit: { range, newText },
  }));
  return { isIncomplete: false, items };
}

function valuesOfMaps({ world }: Analysis, { field, typed }: Extract<Place, { kind: 'mapValue' }>): CompletionList {
  if (field === 'type') {
    const items = [...mapFacts()].map(({ constant, what, key, value, entries }, index): CompletionItem => {
      const needs = [
        key === 'yes' ? 'key' : '',
        value === 'yes' ? 'value' : '',
        entries === 'yes' ? 'max_entries' : '',
      ].filter(Boolean);
      const isThere = !world.kernel?.constants.has('BPF_MAP_TYPE_HASH') || world.kernel.constants.has(constant);
      return {
        label: constant,
        ...{
          kind: CompletionItemKind.EnumMember,
          detail: what,
          sortText: `${isThere ? 0 : 1}${String(index).padStart(2, '0')}`,
        },
        labelDetails: { description: isThere ? needs.join(', ') : `not in ${hostName(world)}` },
      };
    });
    return { isIncomplete: false, items };
  }
  if (field === 'map_flags') return constants(world, typed === '' ? 'BPF_F_' : typed);
  if (field === 'pinning')
    return { isIncomplete: false, items: [{ label: 'LIBBPF_PIN_BY_NAME', kind: CompletionItemKind.Constant }] };
  return nothing;
}

function typeNames({ world }: Analysis, { keyword, typed }: Extract<Place, { kind: 'type' }>): CompletionList {
  if (!world.kernel || typed.length === 0) return { isIncomplete: true, items: [] };
  const { names, more } = world.kernel.structs.search(`${keyword} ${typed}`, LIMIT);
  const items = names
    .filter((name) => name.startsWith(`${keyword} `))
    .map((name): CompletionItem => {
      return {
        label: name.slice(keyword.length + 1),
        kind: CompletionItemKind.Struct,
        detail: `of ${hostName(world)}`,
      };
    });
  return { isIncomplete: more, items };
}

function constants({ kernel }: Analysis['world'], typed: string): CompletionList {
  if (!kernel) return nothing;
  const { names, more } = kernel.constantNames.search(typed, LIMIT);
  const items = names
    .filter((name) => name.startsWith(typed))
    .map((label): CompletionItem => {
      const { value, of } = kernel.constants.get(label)!;
      return { label, kind: CompletionItemKind.EnumMember, detail: `${of} = ${value}` };
    });
  return { isIncomplete: more, items };
}

/** Helpers and kfuncs by what has been typed; constants of the kernel in capitals. */
function words(analysis: Analysis, typed: string, offset: number, options: CompletionOptions): CompletionList {
  const { world } = analysis;
  if (typed.length < 2) return { isIncomplete: true, items: [] };
  if (/^[A-Z][A-Z0-9_]*$/.test(typed)) return options.genericC && typed.length >= 3 ? constants(world, typed) : nothing;
  const programType = typeAt(analysis, offset);
  const helpers = options.genericC ? helperItems(analysis, typed, programType, options.uri) : [];
  const kfuncs = world.kernel?.kfuncs.search(typed, LIMIT).names ?? [];
  const items = kfuncs.map((name): CompletionItem => {
    const data: ItemData = { uri: options.uri, kfunc: name };
    return {
      label: name,
      kind: CompletionItemKind.Function,
      labelDetails: { description: 'kfunc' },
      sortText: `2${name}`,
      data,
    };
  });
  return { isIncomplete: false, items: [...helpers, ...items] };
}

/** The type of the program that the offset is in; null outside of programs. */
export function typeAt({ types }: Analysis, offset: number): string | null {
  const section = types.functionAt(offset)?.section;
  const parsed = section ? parseSection(section.name) : null;
  return parsed?.form ? parsed.type : null;
}

function helperItems({ world }: Analysis, typed: string, programType: string | null, uri: string): CompletionItem[] {
  const items: CompletionItem[] = [];
  const word = typed.replace(/^bpf_?/, '');
  for (const prototype of world.helpers.values()) {
    const { name } = prototype;
    if (!name.startsWith(typed) && (word === '' || !name.includes(word))) continue;
    const fact = helperFact(name);
    const isThere = !world.kernel?.constants.has('BPF_FUNC_map_lookup_elem') || world.kernel.hasHelper(name);
    const allowed = fact && programType !== null ? helperAllowed(fact, programType, world.release) : undefined;
    const usable = isThere && allowed !== false;
    const description = !isThere
      ? `not in ${hostName(world)}`
      : allowed === false
        ? `not in ${programType!} programs`
        : `since ${fact?.since ?? '?'}`;
    items.push({
      label: name,
      ...{ kind: CompletionItemKind.Function, detail: helperSignature(prototype), labelDetails: { description } },
      sortText: `${usable ? 0 : 3}${name.startsWith(typed) ? 0 : 1}${name}`,
      data: { uri, helper: name, programType } satisfies ItemData,
    });
  }
  return items;
}

const tops: readonly { label: string; detail: string; text: string }[] = [
  { label: 'SEC', detail: 'A program for a section', text: 'SEC("$0")' },
  {
    label: 'map',
    detail: 'A hash map',
    text: 'struct {\n\t__uint(type, BPF_MAP_TYPE_${1:HASH});\n\t__uint(max_entries, ${2:1024});\n\t__type(key, ${3:__u32});\n\t__type(value, ${4:__u64});\n} ${5:name} SEC(".maps");$0',
  },
  {
    label: 'ringbuf',
    detail: 'A ring buffer',
    text: 'struct {\n\t__uint(type, BPF_MAP_TYPE_RINGBUF);\n\t__uint(max_entries, ${1:256} * 1024);\n} ${2:events} SEC(".maps");$0',
  },
];

function topLevel(typed: string): CompletionList {
  if (typed === '') return nothing;
  const items = tops.map(({ label, detail, text }): CompletionItem => ({
    ...{
      label,
      detail,
      kind: CompletionItemKind.Snippet,
      insertText: text,
      insertTextFormat: InsertTextFormat.Snippet,
    },
    ...(label === 'SEC' && { command: { title: 'Suggest', command: 'editor.action.triggerSuggest' } }),
  }));
  return { isIncomplete: false, items };
}

/** The description of an item, when it is looked at. */
export function describeItem(item: CompletionItem, { world }: Analysis): CompletionItem {
  const { helper, kfunc, section, programType = null } = item.data as ItemData;
  const skeleton = section === undefined ? null : skeletonOf(section.replace(/^\?/, ''), world);
  if (skeleton)
    return { ...item, documentation: { kind: 'markdown', value: code(`SEC("${section!}")\n${skeleton.head}`) } };
  const prototype = helper === undefined ? undefined : world.helpers.get(helper);
  if (prototype)
    return { ...item, documentation: { kind: 'markdown', value: helperText(prototype, world, programType) } };
  const id = kfunc === undefined ? null : (world.kernel?.btf.findByNameKind(kfunc, 'func') ?? null);
  const func = id === null ? null : world.kernel!.btf.type(id);
  if (func?.kind !== 'func') return item;
  return { ...item, detail: world.kernel!.btf.cDeclaration(func.type, func.name) };
}
