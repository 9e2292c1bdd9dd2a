/** Maps with what belongs to them: one that is used and not there, an event through a ring, a count in a hash map. */
import { mapFact } from '@ringside/core/bpf';
import type { Analysis } from '../../analysis.ts';
import { closing, splitAtCommas } from '../../c/declarators.ts';
import { Kind } from '../../c/lexer.ts';
import type { CCall, CFunction, CModel } from '../../c/model.ts';
import { tokenBefore } from '../../c/place.ts';
import { declarationOf } from '../../c/types.ts';
import { returnOf } from './nullCheck.ts';
import {
  declarationStart,
  eolOf,
  freeName,
  functionAround,
  lineEnd,
  lineStart,
  stepOf,
  type Action,
  type ActionEdit,
  type Where,
} from './place.ts';

export function addMap(where: Where): Action[] {
  const missing = missingMap(where);
  return missing ? [missing] : boilerplate(where);
}

const RINGS: ReadonlySet<string> = new Set(['bpf_ringbuf_reserve', 'bpf_ringbuf_output', 'bpf_ringbuf_query']);
const HASHES: ReadonlySet<string> = new Set(['bpf_map_lookup_elem', 'bpf_map_update_elem', 'bpf_map_delete_elem']);

/** bpf_map_lookup_elem(&counts, …) where no map is called counts. */
function missingMap({ analysis, from }: Where): Action | null {
  const { source, models } = analysis;
  const { tokens, model } = source;
  for (const call of model.functions.flatMap((each) => each.calls)) {
    const isRing = RINGS.has(call.name);
    if (!isRing && !HASHES.has(call.name) && call.name !== 'bpf_perf_event_output') continue;
    const open = tokenBefore(tokens, call.open + 1);
    const close = closing(tokens, open, tokens.length);
    if (from < call.start || from > tokens[close]!.end) continue;
    const parts = splitAtCommas(tokens, open + 1, close);
    const argument = parts[call.name === 'bpf_perf_event_output' ? 1 : 0];
    if (!argument || argument[1] - argument[0] !== 2 || tokens[argument[0]]!.text !== '&') continue;
    const name = tokens[argument[0] + 1]!.text;
    if (models.some((each) => each.maps.some((map) => map.name === name) || each.variables.has(name))) continue;
    if (analysis.types.variableAt(name, call.start)) continue;
    const lines =
      call.name === 'bpf_perf_event_output' || isRing
        ? ringLines(name)
        : hashLines(name, keyType(analysis, parts[1]), valueType(analysis, call, parts[2]));
    const at = firstUse(analysis, name);
    const eol = eolOf(source.text);
    const text = `${lines.join(eol)}${eol}${eol}`;
    const title = `Define the ${isRing ? 'ring buffer' : 'hash map'} ${name}`;
    if (call.name === 'bpf_perf_event_output') return null; // a perf buffer is nobody's first choice any more
    return { title, kind: 'quickfix', edits: [{ start: at, end: at, text }] };
  }
  return null;
}

function ringLines(name: string): string[] {
  return [
    'struct {',
    '\t__uint(type, BPF_MAP_TYPE_RINGBUF);',
    '\t__uint(max_entries, 256 * 1024);',
    `} ${name} SEC(".maps");`,
  ];
}

function hashLines(name: string, key: string, value: string): string[] {
  return [
    ...['struct {', `\t__uint(type, ${mapFact('BPF_MAP_TYPE_HASH')!.constant});`, '\t__uint(max_entries, 10240);'],
    ...[`\t__type(key, ${key});`, `\t__type(value, ${value});`, `} ${name} SEC(".maps");`],
  ];
}

/** The type of what "&pid" points to; a number where it cannot be told. */
function keyType(analysis: Analysis, part: [number, number] | undefined): string {
  return pointedType(analysis, part) ?? '__u32';
}

function pointedType({ source, types }: Analysis, part: [number, number] | undefined): string | null {
  const { tokens } = source;
  if (!part || tokens[part[0]]!.text !== '&') return null;
  const of = types.expression(tokens, part[0] + 1, part[1]);
  return of?.from === 'source' && of.type.dims.length === 0
    ? declarationOf({ ...of.type, qualifiers: '' }, '').trim()
    : null;
}

/** From the value that is written, or the pointer that the looked-up value is kept in. */
function valueType(analysis: Analysis, call: CCall, part: [number, number] | undefined): string {
  const written = call.name === 'bpf_map_update_elem' ? pointedType(analysis, part) : null;
  if (written !== null) return written;
  const { tokens } = analysis.source;
  const at = tokenBefore(tokens, call.start + 1);
  const variable = tokens[at - 1]?.text === '=' ? tokens[at - 2] : undefined;
  const known = variable?.kind === Kind.identifier ? analysis.types.variableAt(variable.text, call.start) : null;
  const isPointer = known && known.type.pointers === 1 && known.type.dims.length === 0 && known.type.base !== 'void';
  return isPointer ? known.type.base : '__u64';
}

/** Above the first function that names it. */
function firstUse(analysis: Analysis, name: string): number {
  const { model, tokens } = analysis.source;
  const first = tokens.find((token) => token.kind === Kind.identifier && token.text === name)!;
  const inside = model.functions.find((each) => each.bodyStart < first.start && first.start < each.bodyEnd);
  return inside ? declarationStart(analysis.source, inside) : lineStart(analysis.source.text, first.start);
}

/** On an empty line of a program: an event through a ring, a count in a hash map. */
function boilerplate({ analysis, from, to }: Where): Action[] {
  const { text } = analysis.source;
  const line = text.slice(lineStart(text, from), lineEnd(text, from));
  if (to !== from || line.trim() !== '') return [];
  const inside = functionAround(analysis, from);
  if (inside === null) return topLevel(analysis, from);
  if (from <= inside.bodyStart || from >= inside.bodyEnd) return [];
  return [sendEvent(analysis, inside, from), countByKey(analysis, inside, from)];
}

function topLevel(analysis: Analysis, from: number): Action[] {
  const { source } = analysis;
  // Above the includes nothing is known yet.
  if (source.model.includes.length === 0 || from < source.model.includes.at(-1)!.end) return [];
  const inMap = source.model.maps.some((map) => map.bodyStart < from && from < map.bodyEnd);
  const inStruct = [...source.model.structs.values()].some((each) => each.start < from && from < each.end);
  if (inMap || inStruct) return [];
  const eol = eolOf(source.text);
  const make = (title: string, lines: string[]): Action => ({
    ...{ title, kind: 'refactor' },
    edits: [{ start: from, end: from, text: lines.join(eol) }],
  });
  return [
    make('Add a ring buffer', ringLines(freeName('events', analysis))),
    make('Add a hash map', hashLines(freeName('counts', analysis), '__u32', '__u64')),
  ];
}

/** The ring that the source has, when it has one. */
const ringOf = (model: CModel) => {
  const rings = model.maps.filter((map) => map.fields.get('type')?.value === 'BPF_MAP_TYPE_RINGBUF' && map.name !== '');
  return rings.length === 1 ? rings[0]! : null;
};

function sendEvent(analysis: Analysis, inside: CFunction, from: number): Action {
  const { source } = analysis;
  const known = ringOf(source.model);
  const ring = known?.name ?? freeName('events', analysis);
  const struct = freeName('event', analysis);
  const variable = freeName('e', analysis);
  const record = [`struct ${struct} {`, '\t__u64 time;', '\t__u32 pid;', '\tchar comm[16];', '};', ''];
  const lines = [...record, ...(known ? [] : [...ringLines(ring), ''])];
  const step = stepOf(source.text, inside);
  const code = [
    `struct ${struct} *${variable} = bpf_ringbuf_reserve(&${ring}, sizeof(*${variable}), 0);`,
    ...[`if (!${variable})`, `${step}${returnOf(inside)}`, `${variable}->time = bpf_ktime_get_ns();`],
    `${variable}->pid = bpf_get_current_pid_tgid() >> 32;`,
    `bpf_get_current_comm(&${variable}->comm, sizeof(${variable}->comm));`,
    `bpf_ringbuf_submit(${variable}, 0);`,
  ];
  const title = known ? `Send an event through ${ring}` : 'Send an event through a ring buffer';
  return { title, kind: 'refactor', edits: inserted(analysis, inside, from, lines, code, step) };
}

function countByKey(analysis: Analysis, inside: CFunction, from: number): Action {
  const map = freeName('counts', analysis);
  const [key, value, first] = ['key', 'count', 'first'].map((name) => freeName(name, analysis)) as [
    string,
    string,
    string,
  ];
  const step = stepOf(analysis.source.text, inside);
  const lines = [...hashLines(map, '__u32', '__u64'), ''];
  const code = [
    `__u32 ${key} = bpf_get_current_pid_tgid() >> 32;`,
    `__u64 ${first} = 1, *${value} = bpf_map_lookup_elem(&${map}, &${key});`,
    ...[`if (${value})`, `${step}__sync_fetch_and_add(${value}, 1);`, 'else'],
    `${step}bpf_map_update_elem(&${map}, &${key}, &${first}, BPF_NOEXIST);`,
  ];
  return {
    title: 'Count in a hash map, by process',
    kind: 'refactor',
    edits: inserted(analysis, inside, from, lines, code, step),
  };
}

/** Definitions above the function, and code at the cursor in the place of its empty line's indentation. */
function inserted(
  { source }: Analysis,
  inside: CFunction,
  from: number,
  lines: readonly string[],
  code: readonly string[],
  step: string,
): ActionEdit[] {
  const { text } = source;
  const eol = eolOf(text);
  const at = declarationStart(source, inside);
  const start = lineStart(text, from);
  const rest = lineEnd(text, from);
  const end = rest - (/\r?\n$/.exec(text.slice(start, rest))?.[0].length ?? 0);
  const typed = text.slice(start, end);
  const indent = typed === '' ? step : typed;
  return [
    { start: at, end: at, text: lines.map((line) => `${line}${eol}`).join('') },
    { start, end, text: code.map((line) => `${indent}${line}`).join(eol) },
  ];
}
