/** Pointers that may be NULL, that were given back, or that are no pointers to the verifier. */
import {
  guardAbove,
  includeEdit,
  insertAbove,
  insertBelow,
  nullCheck,
  removeLine,
  replaceIn,
  type Fix,
} from './edits.ts';
import type { Failure } from './failure.ts';
import { readAgain } from './packetRepair.ts';
import { memoryAccess } from './path.ts';
import type { Place } from './program.ts';
import { cause, lineWords, type Explanation, type Rule } from './rule.ts';
import { argumentsOf, assignedName, expressionAt } from './sourceText.ts';
import { capitalize, whyNull } from './words.ts';

const registerOf = (text: string): number => Number(/\bR(\d+)/.exec(text)?.[1] ?? NaN);

/** The pointer that may be NULL: its name, who made it, how it came here, and the check to add. */
function nullable(failure: Failure, register: number, use: string): Explanation | null {
  if (Number.isNaN(register) || failure.at < 0) return null;
  const named = failure.name(failure.at, register);
  const { origin } = named;
  const here = failure.place;
  const { source } = origin;
  const made = named.place;
  // A callee's parameter has another name than the variable that it was passed as.
  const outer = origin.passed.length > 0 && source.kind === 'call' ? failure.name(origin.passed[0]!, register) : named;
  const subject = capitalize(named.text);
  // An inlined function's parameter is another variable than the one that the call's result went to.
  const assigned = source.kind === 'call' && made ? assignedName(made.text) : '';
  const kept = assigned === '' ? outer.expression : assigned;
  const causes = [];
  let why = 'nothing on this path compares it with NULL first';
  if (source.kind === 'call') {
    const line = lineWords(made, here);
    why = `${source.function}()${line && ` (${line})`} returns NULL ${whyNull(source.function)}, and ${why}`;
    causes.push(
      cause(
        made,
        `${source.function}() returns NULL ${whyNull(source.function)}; ${kept ? `\`${kept}\`` : 'it'} is made here.`,
      ),
    );
  } else if (failure.path.callers(failure.at).length === 0 && source.kind === 'context') {
    why = 'the verifier checks a global function for every argument, NULL included';
  }
  for (const at of origin.passed)
    causes.push(
      cause(
        failure.placeAt(at),
        `It is passed to ${failure.program.functionOf(failure.path.insn(at + 1))}() here, unchecked.`,
      ),
    );
  const fixes: (Fix | null)[] = [];
  if (source.kind === 'call' && made) fixes.push(nullCheck(failure, kept, made));
  else if (/^\w+$/.test(named.expression)) fixes.push(guardAbove(failure, here, `!${named.expression}`));
  return { message: `${subject} may be NULL ${use}: ${why}.`, causes, fixes };
}

function useHere(failure: Failure): string {
  const place = failure.place;
  const expression = expressionAt(place.text, place.column);
  return /->|\[|\*/.test(expression) ? `where \`${expression}\` is used` : 'where it is used here';
}

/** The value was released before: a pointer that is now a number. */
function releasedBefore(failure: Failure, register: number): { at: number; function: string } | null {
  if (Number.isNaN(register) || failure.at < 0) return null;
  const { origin } = failure.name(failure.at, register);
  if (origin.source.kind !== 'call') return null;
  for (let at = failure.at - 1; at > origin.source.at; at--) {
    const called = /^\(85\) call (\w*(?:submit|discard|release|free|drop|_put|destroy)\w*)/.exec(
      failure.path.text(at),
    )?.[1];
    if (!called) continue;
    const passed = failure.path.origin(at, 1);
    if (passed.source.kind === 'call' && passed.source.at === origin.source.at) return { at, function: called };
  }
  return null;
}

/** "t->a->b" as BPF_CORE_READ(t, a, b), with the include. */
function coreRead(failure: Failure, place: Place): Fix | null {
  const file = failure.program.file(place);
  if (!file) return null;
  const text = file.line(place.line);
  const expression = expressionAt(text, place.column);
  const parts = expression.split('->');
  if (parts.length < 2 || /[[\].]/.test(expression)) return null;
  const from = text.indexOf(expression) + 1;
  if (from === 0 || /^\s*(?:[-+*/|&^]?=(?!=)|\+\+|--)/.test(text.slice(from - 1 + expression.length))) return null;
  const read = `BPF_CORE_READ(${parts.join(', ')})`;
  return {
    title: `Read it with \`${read}\``,
    edits: [
      ...includeEdit(file, 'bpf/bpf_core_read.h'),
      replaceIn(file, place.line, from, from + expression.length, read),
    ],
  };
}

/** A byte or word read through a plain address, by bpf_probe_read_kernel(). */
function probeRead(failure: Failure, register: number): Fix | null {
  const place = failure.place;
  const file = failure.program.file(place);
  if (!file) return null;
  const text = file.line(place.line);
  const expression = expressionAt(text, place.column);
  const match = /^(\w+)\[0\]$/.exec(expression);
  const access = memoryAccess(failure.path.text(failure.at));
  if (!match || !access || access.write || failure.name(failure.at, register).expression !== match[1]) return null;
  const types: Record<number, string> = { 1: 'char', 2: 'short', 4: 'int', 8: 'long' };
  const from = text.indexOf(expression) + 1;
  const line = file.statementStart(place.line);
  const name = `${match[1]}_value`;
  return {
    title: `Copy it with bpf_probe_read_kernel() first`,
    edits: [
      insertAbove(file, line, [
        `${types[access.size] ?? 'char'} ${name} = 0;`,
        `bpf_probe_read_kernel(&${name}, sizeof(${name}), ${match[1]});`,
      ]),
      replaceIn(file, place.line, from, from + expression.length, name),
    ],
  };
}

/** A helper that moves the packet was called after the pointer into it was made. */
function movedPacket(failure: Failure, register: number): { at: number; function: string } | null {
  if (Number.isNaN(register) || failure.at < 0) return null;
  const made = failure.path.origin(failure.at, register).source.at;
  for (let at = failure.at - 1, calls = 0; at > made && calls < 50; at--) {
    const called =
      /^\(85\) call (bpf_(?:xdp_adjust|skb_(?:pull|change|store|vlan|adjust|cgroup)|l[34]_csum|msg_|clone_redirect|lwt_|sk_msg)\w*)/.exec(
        failure.path.text(at),
      )?.[1];
    if (!called) continue;
    calls++;
    // The pointer lived in a register that calls keep, or on the stack.
    if (failure.registerAt(at, register)?.type.startsWith('pkt')) return { at, function: called };
  }
  return null;
}

export const pointerRules: readonly Rule[] = [
  {
    id: 'null-argument',
    title: 'Argument may be NULL',
    pattern:
      /R(\d+) type=\S*_or_null\S* expected=|Possibly NULL pointer passed to (?:trusted |helper )?(?:arg#?\d|R(\d+))/,
    about:
      'A helper or kernel function is called with a pointer that may be NULL; compare it with NULL before the call.',
    explain: (failure, match) => {
      const argument = /arg#?(\d+)/.exec(match.input)?.[1];
      // Linux 7.3 names the register, older kernels count arguments from 0.
      const named = match[1] ?? match[2];
      const register = named !== undefined ? Number(named) : argument === undefined ? NaN : Number(argument) + 1;
      const called = failure.called();
      return nullable(failure, register, called ? `where it is passed to ${called}()` : 'where it is passed on');
    },
  },
  {
    id: 'null-pointer',
    title: 'Pointer may be NULL',
    pattern: /(?:invalid mem access '\S*or_null|pointer arithmetic on \S*or_null|type=\S*_or_null|'\w*_or_null')/,
    about: 'A pointer is used that may be NULL on this path; compare it with NULL right after it was made.',
    explain: (failure, match) => nullable(failure, registerOf(match.input), useHere(failure)),
  },
  {
    id: 'use-after-release',
    title: 'Used after it was given back',
    pattern: /R(\d+) invalid mem access '(?:scalar|inv)'|R(\d+) !read_ok/,
    when: (failure, match) => releasedBefore(failure, Number(match[1] ?? match[2])) !== null,
    about: 'After a record is submitted or a reference released, the pointer to it must not be used any more.',
    explain: (failure, match) => {
      const register = Number(match[1] ?? match[2]);
      const released = releasedBefore(failure, register)!;
      const named = failure.name(failure.at, register);
      const given = failure.placeAt(released.at);
      const line = lineWords(given, failure.place);
      return {
        message: `${capitalize(named.text)} was given back by ${released.function}()${line && ` in ${line}`} and may not be touched after that. Use it before it is given back.`,
        causes: [
          cause(named.place, `${capitalize(named.text)} is made here.`),
          cause(given, `${released.function}() gives it back here.`),
        ],
        fixes: [moveBelow(failure, given)],
      };
    },
  },
  {
    id: 'release-twice',
    title: 'Given back twice',
    pattern:
      /R(\d+) type=(?:scalar|inv) expected=(?:ringbuf_mem|alloc_mem|mem)$|(?:R(\d+) must be referenced when passed to release function|release (?:helper|kernel function) \w+ expects referenced PTR)/,
    when: (failure, match) => releasedBefore(failure, Number(match[1] ?? match[2] ?? 1)) !== null,
    about: 'A record or reference is submitted, discarded or released a second time on the same path.',
    explain: (failure, match) => {
      const register = Number(match[1] ?? match[2] ?? 1);
      const released = releasedBefore(failure, register)!;
      const named = failure.name(failure.at, register);
      const given = failure.placeAt(released.at);
      const called = failure.called() || 'it';
      return {
        message: `${capitalize(named.text)} was given back by ${released.function}() already (${lineWords(given, failure.place)}); ${called}() may not be called for it again.`,
        causes: [cause(given, `${released.function}() gives it back here.`)],
        fixes: [withoutCall(failure, failure.place, called)],
      };
    },
  },
  {
    id: 'packet-pointer-lost',
    title: 'Packet pointer is out of date',
    pattern: /R(\d+) invalid mem access '(?:scalar|inv)'/,
    when: (failure, match) => movedPacket(failure, Number(match[1])) !== null,
    about:
      'A helper that may move or grow the packet makes all earlier pointers into it useless; read data and data_end from the context again after it, and check again.',
    explain: (failure, match) => {
      const moved = movedPacket(failure, Number(match[1]))!;
      const named = failure.name(failure.at, Number(match[1]));
      const place = failure.placeAt(moved.at);
      const line = lineWords(place, failure.place);
      // A pointer that was calculated from another shares its register: what is written there is what a reader knows.
      const used = /^(\w+)(?:->|\[)/.exec(expressionAt(failure.place.text, failure.place.column))?.[1];
      const pointer = used ?? named.expression;
      const subject = used ? `\`${used}\`` : capitalize(named.text);
      return {
        message: `${subject} points into the packet as it was before ${moved.function}()${line && ` (${line})`}, which may have moved it. Read data and data_end from the context again after that call, and check the length again.`,
        causes: [
          cause(named.place, `${capitalize(named.text)} is made here.`),
          cause(place, `${moved.function}() makes it useless here.`),
        ],
        fixes: [readAgain(failure, place, moved.function, pointer)],
      };
    },
  },
  {
    id: 'unchecked-kernel-pointer',
    title: 'Kernel memory read directly',
    pattern: /R(\d+) invalid mem access '(?:scalar|inv)'/,
    about:
      'The value is a plain number to the verifier, not a pointer that it knows. Memory behind it is read with BPF_CORE_READ(), bpf_probe_read_kernel() or, for addresses of a process, bpf_probe_read_user().',
    explain: (failure, match) => {
      if (failure.at < 0) return null;
      const register = Number(match[1]);
      const named = failure.name(failure.at, register);
      const place = failure.place;
      const used = expressionAt(place.text, place.column);
      const what = /->|\[/.test(used) ? `\`${used}\`` : 'the memory behind it';
      const line = lineWords(named.place, place);
      const origin = named.origin.source.kind === 'load' && line ? ` It was read as a number in ${line}.` : '';
      return {
        message: `${capitalize(named.text)} is a plain number to the verifier, not a pointer that it knows, so ${what} cannot be read directly.${origin} Copy the memory with BPF_CORE_READ() or bpf_probe_read_kernel() (bpf_probe_read_user() for a process's memory).`,
        causes:
          named.origin.source.kind === 'load'
            ? [cause(named.place, 'The address comes from here; the verifier knows nothing about it.')]
            : [],
        fixes: [coreRead(failure, place), probeRead(failure, register)],
      };
    },
  },
  {
    id: 'invalid-access',
    title: 'Not memory that can be read here',
    pattern:
      /R(\d+) invalid mem access '(\S+?)'|only read from (\w+) is supported|cannot dereference|R\d+ is (?:a|ptr_)\S* invalid (?:negative|variable)/,
    about:
      'The program reads or writes through something that is no memory of its own: a map, a function, the end of a packet.',
    explain: (failure, match) => {
      if (match[3] !== undefined)
        return {
          message:
            'This writes to the map itself, not to one of its values. Get a pointer to a value with bpf_map_lookup_elem(), and write through that.',
        };
      if (failure.at < 0 || match[1] === undefined) return null;
      const named = failure.name(failure.at, Number(match[1]));
      if (match[2] === 'pkt_end')
        return {
          message: `${capitalize(named.text)} marks the end of the packet: other pointers are compared with it, and nothing is read through it. Read through a pointer that starts at the packet's data.`,
        };
      const kinds: Record<string, string> = {
        map_ptr: 'the map itself, not one of its values',
        fp: 'a pointer to the stack',
        func: 'a function',
      };
      const kind = kinds[match[2]!] ?? `of a kind (${match[2]!}) that cannot be read directly`;
      return {
        message: `${capitalize(named.text)} is ${kind}. Read a value of it with a helper, or use another pointer.`,
      };
    },
  },
];

function moveBelow(failure: Failure, given: Place): Fix | null {
  const here = failure.place;
  const file = failure.program.file(here);
  if (!file || given.file !== here.file || given.line >= here.line) return null;
  const end = file.statementEnd(here.line);
  const text = file.line(given.line);
  if (
    !/;\s*$/.test(text) ||
    file.isBareBody(given.line) ||
    file.isBareBody(here.line) ||
    file.indent(given.line) !== file.indent(here.line)
  )
    return null;
  return {
    title: `Move \`${text.trim()}\` below it`,
    edits: [removeLine(file, given.line), insertBelow(file, end, [text.trimStart()], given.line)],
  };
}

function withoutCall(failure: Failure, place: Place, called: string): Fix | null {
  const file = failure.program.file(place);
  const text = file?.line(place.line) ?? '';
  if (!file || !new RegExp(`^\\s*${called}\\(.*\\);\\s*$`).test(text) || file.isBareBody(place.line)) return null;
  if (argumentsOf(text, called) === null) return null;
  return { title: `Remove \`${text.trim()}\``, edits: [removeLine(file, place.line)] };
}
