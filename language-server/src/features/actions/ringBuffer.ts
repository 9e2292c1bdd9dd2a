/** A perf buffer becomes a ring buffer: its definition, and every call that writes to it. */
import type { Analysis } from '../../analysis.ts';
import { closing, splitAtCommas } from '../../c/declarators.ts';
import type { CCall, CMap } from '../../c/model.ts';
import { tokenBefore } from '../../c/place.ts';
import { eolOf, indentAt, lineEnd, lineStart, type Action, type ActionEdit, type Where } from './place.ts';

const PERF = 'BPF_MAP_TYPE_PERF_EVENT_ARRAY';
const OUTPUT = 'bpf_perf_event_output';
const SIZE = '256 * 1024';

export function perfToRing({ analysis, from }: Where): Action[] {
  const { model } = analysis.source;
  const outputs = model.functions.flatMap((each) => each.calls).filter((call) => call.name === OUTPUT);
  const written = outputs.map((call) => ({ call, ...argumentsOf(analysis, call) }));
  const here = written.find(({ call, end }) => call.start <= from && from <= end);
  const map = model.maps.find(
    (each) =>
      each.fields.get('type')?.value === PERF &&
      (here ? here.map === each.name : lineStart(analysis.source.text, each.bodyStart) <= from && from <= each.end),
  );
  if (map === undefined || map.name === '') return [];
  const calls = written.filter((each) => each.map === map.name && each.parts.length === 5);
  const edits = [
    ...definition(analysis, map),
    ...calls.map(({ call, end, parts }) => rewritten(map, call, end, parts)),
  ];
  return [{ title: `Turn ${map.name} into a ring buffer`, kind: 'refactor.rewrite', edits }];
}

function argumentsOf({ source }: Analysis, call: CCall): { map: string | null; end: number; parts: string[] } {
  const { tokens, text } = source;
  const open = tokenBefore(tokens, call.open + 1);
  const close = closing(tokens, open, tokens.length);
  const parts = splitAtCommas(tokens, open + 1, close).map(([a, b]) =>
    text.slice(tokens[a]!.start, tokens[b - 1]!.end),
  );
  return { map: /^&\s*(\w+)$/.exec(parts[1] ?? '')?.[1] ?? null, end: tokens[close]!.end, parts };
}

function rewritten(map: CMap, call: CCall, end: number, parts: readonly string[]): ActionEdit {
  return { start: call.start, end, text: `bpf_ringbuf_output(&${map.name}, ${parts[3]!}, ${parts[4]!}, 0)` };
}

/** The type and the size; keys and values are none of a ring's. */
function definition({ source }: Analysis, map: CMap): ActionEdit[] {
  const { text } = source;
  const type = map.fields.get('type')!;
  const edits: ActionEdit[] = [{ start: type.valueStart, end: type.valueEnd, text: 'BPF_MAP_TYPE_RINGBUF' }];
  const entries = map.fields.get('max_entries');
  if (entries) edits.push({ start: entries.valueStart, end: entries.valueEnd, text: SIZE });
  else {
    const line = `${eolOf(text)}${indentAt(text, type.start)}__uint(max_entries, ${SIZE});`;
    edits.push({ start: type.end, end: type.end, text: line });
  }
  for (const name of ['key_size', 'value_size', 'key', 'value']) {
    const field = map.fields.get(name);
    if (!field) continue;
    const [start, end] = [lineStart(text, field.start), lineEnd(text, field.end)];
    const isAlone = text.slice(start, field.start).trim() === '' && text.slice(field.end, end).trim() === '';
    edits.push(isAlone ? { start, end, text: '' } : { start: field.start, end: field.end, text: '' });
  }
  return edits;
}
