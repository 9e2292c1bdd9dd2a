/** Counts the records that a full ring buffer could not take, in the map beside it that Ringside reads. */
import type { Analysis } from '../../analysis.ts';
import { closing } from '../../c/declarators.ts';
import { Kind, type Token } from '../../c/lexer.ts';
import type { CFunction, CMap } from '../../c/model.ts';
import { tokenBefore } from '../../c/place.ts';
import { returnOf } from './nullCheck.ts';
import {
  declarationStart,
  eolOf,
  indentAt,
  lineEnd,
  lineStart,
  statementAt,
  stepOf,
  type Action,
  type ActionEdit,
  type Where,
} from './place.ts';

const RING = 'BPF_MAP_TYPE_RINGBUF';

export function countLost({ analysis, from }: Where): Action[] {
  const { model, text } = analysis.source;
  const ring = ringAt(analysis, from);
  if (ring === null) return [];
  const counter = `${ring.name}_lost_samples`;
  const isThere = analysis.models.some((each) => each.maps.some((map) => map.name === counter));
  if (isThere || new RegExp(`\\bLOST_SAMPLES\\s*\\(\\s*${ring.name}\\s*\\)`).test(text)) return [];
  const calls = model.functions.flatMap((inside) => reserves(analysis, inside, ring.name));
  if (calls.length === 0) return [];
  const at = lineEnd(text, ring.end);
  // The function is below the ring, and above the first that uses it.
  if (calls.some(({ inside }) => declarationStart(analysis.source, inside) < at)) return [];
  const edits = calls.map((call) => counted(analysis, call, ring.name));
  const definition = `${definitionOf(ring.name).join(eolOf(text))}${eolOf(text)}`;
  const title = `Count what is lost when ${ring.name} is full`;
  return [{ title, kind: 'refactor.rewrite', edits: [{ start: at, end: at, text: definition }, ...edits] }];
}

function definitionOf(ring: string): string[] {
  return [
    '',
    `/* Records that found no room in ${ring}: Ringside shows their number as lost in the kernel. */`,
    ...['struct {', '\t__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);', '\t__uint(max_entries, 1);'],
    ...['\t__type(key, __u32);', '\t__type(value, __u64);', `} ${ring}_lost_samples SEC(".maps");`, ''],
    `static __always_inline void count_lost_${ring}(void)`,
    ...['{', '\t__u32 first = 0;', `\t__u64 *lost = bpf_map_lookup_elem(&${ring}_lost_samples, &first);`, ''],
    ...['\tif (lost)', '\t\t*lost += 1;', '}'],
  ];
}

/** The ring whose definition, or a call that writes to it, is at the cursor. */
function ringAt(analysis: Analysis, from: number): CMap | null {
  const { model, tokens, text } = analysis.source;
  const rings = model.maps.filter((map) => map.fields.get('type')?.value === RING && map.name !== '');
  const inDefinition = rings.find((map) => lineStart(text, map.bodyStart) <= from && from <= map.end);
  if (inDefinition) return inDefinition;
  for (const call of model.functions.flatMap((each) => each.calls)) {
    if (!/^bpf_ringbuf_(reserve|output)$/.test(call.name)) continue;
    const open = tokenBefore(tokens, call.open + 1);
    const end = tokens[closing(tokens, open, tokens.length)]!.end;
    if (lineStart(text, call.start) > from || from > lineEnd(text, end)) continue;
    return rings.find((map) => map.name === tokens[open + 2]?.text) ?? null;
  }
  return null;
}

interface Reserve {
  inside: CFunction;
  name: string;
  /** Token of the call's name, and the one that closes it. */
  call: number;
  close: number;
}

function reserves({ source }: Analysis, inside: CFunction, ring: string): Reserve[] {
  const { tokens } = source;
  return inside.calls.flatMap((each): Reserve[] => {
    if (!/^bpf_ringbuf_(reserve|output)$/.test(each.name)) return [];
    const call = tokenBefore(tokens, each.start + 1);
    if (tokens[call + 2]?.text !== '&' || tokens[call + 3]?.text !== ring) return [];
    return [{ inside, name: each.name, call, close: closing(tokens, call + 1, tokens.length) }];
  });
}

function counted(analysis: Analysis, { inside, name, call, close }: Reserve, ring: string): ActionEdit {
  const { tokens, text } = analysis.source;
  const indent = indentAt(text, tokens[call]!.start);
  const step = stepOf(text, inside);
  const eol = eolOf(text);
  const count = `count_lost_${ring}();`;
  if (name.endsWith('output')) {
    const statement = statementAt(analysis, inside, tokens[call]!.start);
    // "bpf_ringbuf_output(…);" alone: its answer is looked at.
    if (statement?.from === call && statement.to === close + 1) {
      const whole = text.slice(tokens[call]!.start, tokens[close]!.end);
      const checked = `if (${whole})${eol}${indent}${step}${count}`;
      return { start: tokens[call]!.start, end: tokens[close + 1]!.end, text: checked };
    }
    const whole = text.slice(tokens[call]!.start, tokens[close]!.end);
    const start = tokens[call]!.start;
    return { start, end: tokens[close]!.end, text: `({ long failed_ = ${whole}; if (failed_) ${count} failed_; })` };
  }
  const check = checkAfter(tokens, close, inside);
  if (check === null) {
    const end = tokens[close + 1]!.end;
    const variable = tokens[call - 1]?.text === '=' ? tokens[call - 2]!.text : null;
    if (variable === null) return { start: end, end, text: '' };
    const lines = [`if (!${variable}) {`, `${step}${count}`, `${step}${returnOf(inside)}`, '}'];
    return { start: end, end, text: lines.map((line) => `${eol}${indent}${line}`).join('') };
  }
  // "if (!e)" with a block, or with one statement that becomes a block.
  if (tokens[check + 1]!.text === '{') {
    const at = tokens[check + 1]!.end;
    const inner = `${indentAt(text, tokens[check]!.start)}${step}`;
    return { start: at, end: at, text: `${eol}${inner}${count}` };
  }
  let last = check + 1;
  while (tokens[last] && tokens[last]!.text !== ';') last++;
  const outer = indentAt(text, tokens[check]!.start);
  const statement = text.slice(tokens[check + 1]!.start, tokens[last]!.end);
  const block = ` {${eol}${outer}${step}${count}${eol}${outer}${step}${statement}${eol}${outer}}`;
  return { start: tokens[check]!.end, end: tokens[last]!.end, text: block };
}

/** Index of the parenthesis that closes "if (!e)" right behind the statement of the call; null without one. */
function checkAfter(tokens: readonly Token[], close: number, inside: CFunction): number | null {
  let at = close + 1;
  while (tokens[at] && tokens[at]!.text !== ';') at++;
  if (tokens[at + 1]?.text !== 'if' || tokens[at + 1]!.start > inside.bodyEnd) return null;
  const end = closing(tokens, at + 2, tokens.length);
  const isNot = tokens[at + 3]?.text === '!' && tokens[at + 4]?.kind === Kind.identifier;
  return isNot ? end : null;
}
