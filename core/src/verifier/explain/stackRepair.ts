/** A large variable moved from the stack into a per-CPU array map. */
import { insertAbove, replaceIn, returnStatement, tab, type Fix } from './edits.ts';
import type { TextEdit } from '../../model/index.ts';
import type { Failure } from './failure.ts';
import { functionAround } from './functionText.ts';
import type { Place } from './program.ts';
import type { SourceFile } from './sourceText.ts';

/** Smaller ones are not worth a map. */
const WORTH_BYTES = 64;
/** More stores than clang writes out for one __builtin_memset(). */
const MOST_CLEARED_BYTES = 1024;

interface Large {
  name: string;
  line: number;
  size: number;
  /** A place in the function that it belongs to. */
  place: Place;
}

/** Variables of all functions of the program, the largest first. */
function largeVariables(failure: Failure): Large[] {
  const { program } = failure;
  const found = new Map<string, Large>();
  for (const { start, slots } of program.layout) {
    for (let insn = start; insn < start + slots; insn++) {
      for (const { name, type, line } of program.scopes(insn).flatMap((scope) => scope.variables)) {
        const size = program.size(type);
        const key = `${name}:${line}`;
        if (size >= WORTH_BYTES && !found.has(key)) found.set(key, { name, line, size, place: program.place(start) });
      }
    }
  }
  return [...found.values()].sort((a, b) => b.size - a.size);
}

export function moveToMap(failure: Failure): Fix | null {
  for (const large of largeVariables(failure)) {
    const fix = moved(failure, large);
    if (fix) return fix;
  }
  return null;
}

/** "char path[300] = {};", "struct event e;" */
const declaration =
  /^(\s+)((?:struct |union |unsigned |signed )?\w+)\s+(\w+)(?:\[([^\][]+)\])?\s*(=\s*(?:\{\s*0?\s*\}|""))?\s*;\s*$/;

function moved(failure: Failure, { name, line, size, place }: Large): Fix | null {
  const file = failure.program.file(place);
  const parts = file && declaration.exec(file.line(line));
  const around = file && functionAround(file, line);
  if (!file || !parts || !around || parts[3] !== name) return null;
  const [, indent = '', type = '', , count, initial] = parts;
  if (initial !== undefined && size > MOST_CLEARED_BYTES) return null;
  const map = `${name}_storage`;
  if (file.lines.some((l) => l.includes(map) || l.includes(`${name}_key`))) return null;
  const whole = count === undefined ? type : `${type}[${count}]`;
  const uses = useEdits(file, line + 1, around.last, name, whole, count !== undefined);
  if (uses === null) return null;
  const t = tab(file);
  const definition = [
    'struct {',
    `${t}__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);`,
    `${t}__uint(max_entries, 1);`,
    `${t}__type(key, __u32);`,
    `${t}__type(value, ${whole});`,
    `} ${map} SEC(".maps");`,
    '',
  ];
  const statements = [
    `__u32 ${name}_key = 0;`,
    `${type} *${name} = bpf_map_lookup_elem(&${map}, &${name}_key);`,
    '',
    `if (!${name})`,
    `${t}${returnStatement(failure, file, line)}`,
    ...(initial === undefined ? [] : [`__builtin_memset(${name}, 0, sizeof(${whole}));`]),
  ];
  const text = statements.map((s) => (s === '' ? '' : `${indent}${s}`)).join('\n');
  return {
    title: `Move \`${name}\` (${size} bytes) into a per-CPU array map`,
    edits: [
      insertAbove(file, around.first, definition),
      replaceIn(file, line, 1, file.line(line).length + 1, text),
      ...uses,
    ],
  };
}

/** Uses of what is a pointer now; null where one of them would mean something else. */
function useEdits(
  file: SourceFile,
  from: number,
  to: number,
  name: string,
  whole: string,
  array: boolean,
): TextEdit[] | null {
  const edits: TextEdit[] = [];
  for (let line = from; line < to; line++) {
    const text = file.line(line);
    const changed = pointerUses(text, name, whole, array);
    if (changed === null) return null;
    if (changed !== text) edits.push(replaceIn(file, line, 1, text.length + 1, changed));
  }
  return edits;
}

function pointerUses(text: string, name: string, whole: string, array: boolean): string | null {
  const sized = `sizeof\\s*\\(\\s*${name}\\s*\\)`;
  const addressed = `(?<!&)&\\s*${name}\\b(?!\\s*[.[])`;
  const own = `(?<!->|[.\\w])${name}`;
  const copies: string[] = [];
  const changed = text.replace(
    new RegExp(`${sized}|${addressed}|${own}\\s*\\.(?=\\s*[A-Za-z_])|${own}\\b`, 'g'),
    (use) => {
      if (use.startsWith('sizeof')) return `sizeof(${whole})`;
      if (use.startsWith('&')) return name;
      if (use.endsWith('.')) return `${name}->`;
      // A struct that is copied as a whole is left to its author.
      if (!array) copies.push(use);
      return use;
    },
  );
  return copies.length > 0 ? null : changed;
}
