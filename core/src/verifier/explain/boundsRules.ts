/** Offsets and sizes that may lie outside: map values, records, packets, the stack, helpers' sizes. */
import type { RegisterState } from '../log/index.ts';
import { guardAbove, insertAbove, replaceIn, tab, type Fix } from './edits.ts';
import type { Failure, Named } from './failure.ts';
import { memoryAccess } from './path.ts';
import type { Place } from './program.ts';
import { cause, lineWords, type Explanation, type Rule } from './rule.ts';
import { argumentsOf, expressionAt } from './sourceText.ts';
import { bytes, capitalize, rangeWords } from './words.ts';

/** "`found->slots[slot]`" at a place, where it is an access. */
function accessHere(place: Place): string {
  const dereferenced = /^\*+\s*[A-Za-z_]\w*/.exec(place.text.slice(Math.max(0, place.column - 1)))?.[0];
  if (dereferenced) return dereferenced;
  const expression = expressionAt(place.text, place.column);
  return /->|\[|\./.test(expression) ? expression : '';
}

/** The subscript of the last dimension in an expression: "slot" of "found->slots[slot]". */
const subscript = (expression: string): string => /\[([^[\]]+)\][^[\]]*$/.exec(expression)?.[1]?.trim() ?? '';

/** Memory behind a pointer in words, with its size. */
function memoryWords(pointer: RegisterState | null, failure: Failure): { what: string; size: number | null } {
  if (!pointer) return { what: 'the memory', size: null };
  if (pointer.type === 'map_value') {
    const map = pointer.map;
    if (/^\.?\w*\.(?:bss|data|rodata)/.test(map) || /\.(?:bss|data|rodata)$/.test(map))
      return { what: `the global variables`, size: pointer.valueSize };
    return { what: map === '' ? 'the map value' : `the value of map \`${map}\``, size: pointer.valueSize };
  }
  if (pointer.type === 'mem') {
    const record = pointer.flags.includes('ringbuf') ? 'the ring-buffer record' : 'the memory';
    return { what: record, size: pointer.memorySize };
  }
  if (pointer.type === 'fp') {
    const variable = failure.stackVariable(Number(pointer.offset));
    return variable ? { what: `\`${variable.name}\``, size: variable.size } : { what: 'the stack', size: null };
  }
  return { what: 'the memory', size: null };
}

/** The registers of "r0 += r1": a pointer and the number added to it. */
function sum(failure: Failure): { pointer: RegisterState; index: number } | null {
  const match = failure.at < 0 ? null : /^\([0-9a-f]{2}\) r(\d+) [+-]= r(\d+)/.exec(failure.path.text(failure.at));
  if (!match) return null;
  const [left, right] = [failure.register(Number(match[1])), failure.register(Number(match[2]))];
  if (left && left.type !== 'scalar') return { pointer: left, index: Number(match[2]) };
  if (right && right.type !== 'scalar') return { pointer: right, index: Number(match[1]) };
  return null;
}

/** A conditional jump on the path that looked at a value of the same origin. */
function lastCheck(failure: Failure, named: Named): number | null {
  const made = named.origin.source.at;
  for (let at = failure.at - 1, seen = 0; at > made && seen < 2000; at--, seen++) {
    const match = /^\([0-9a-f]{2}\) if [rw](\d+) (\S+) /.exec(failure.path.text(at));
    if (!match || /^(?:==|!=)$/.test(match[2]!)) continue;
    const other = failure.path.origin(at, Number(match[1])).source;
    if (other.at === made && other.kind === named.origin.source.kind) return at;
  }
  return null;
}

/** Where the source checks it: compilers merge conditions, and leave the line of the first. */
function checkedAt(failure: Failure, at: number, name: string): Place | null {
  const place = failure.placeAt(at);
  const mentions = /^\w+$/.test(name) ? new RegExp(`\\b${name}\\b`) : null;
  if (!mentions || mentions.test(place.text)) return place;
  const file = failure.program.file(place);
  for (let line = place.line + 1; file && line <= place.line + 6; line++) {
    const text = file.line(line);
    if (/\bif\s*\(/.test(text) && mentions.test(text))
      return { ...place, line, column: file.indent(line).length + 1, text };
  }
  return null;
}

/** A check of a copy that was cast or masked: it bounds the copy, not the value that is used. */
function copyChecked(failure: Failure): { at: number; named: Named } | null {
  const parts = sum(failure);
  if (!parts) return null;
  const named = failure.name(failure.at, parts.index);
  const { source } = named.origin;
  if (source.kind !== 'load' && source.kind !== 'call') return null;
  for (let at = failure.at - 1, seen = 0; at > source.at && seen < 2000; at--, seen++) {
    const match = /^\([0-9a-f]{2}\) if ([rw])(\d+) /.exec(failure.path.text(at));
    const other = match && failure.path.origin(at, Number(match[2]));
    if (!other || other.source.kind !== source.kind || other.source.at !== source.at) continue;
    return other.derived || match[1] === 'w' ? { at, named } : null;
  }
  return null;
}

function indexFix(
  failure: Failure,
  place: Place,
  index: string,
  count: number | null,
  signed: boolean,
): (Fix | null)[] {
  if (count === null || count <= 0 || !/^[A-Za-z_]\w*(?:(?:->|\.)\w+)*$/.test(index)) return [];
  const condition = signed ? `${index} < 0 || ${index} >= ${count}` : `${index} >= ${count}`;
  return [guardAbove(failure, place, condition)];
}

/** Elements of the array that an expression subscripts, from DWARF. */
function elementsOf(failure: Failure, place: Place, expression: string, total: number | null): number | null {
  const array = expression.replace(/\[[^[\]]*\][^[\]]*$/, '');
  const member = /(?:->|\.)(\w+)$/.exec(array)?.[1];
  const fromSource = (name: string): number | null => {
    const file = failure.program.file(place);
    const declared = file?.lines
      .map((l) => new RegExp(`\\b${name}\\[(\\d+)\\]`).exec(l)?.[1])
      .find((n) => n !== undefined);
    return declared === undefined ? null : Number(declared);
  };
  const name = member ?? array;
  if (!/^\w+$/.test(name)) return null;
  const variable = failure.insn === null || member ? null : failure.program.visible(name, failure.insn);
  return (variable && failure.program.elements(variable.type)) ?? fromSource(name) ?? total;
}

function unboundedIndex(failure: Failure): Explanation | null {
  const parts = sum(failure);
  if (!parts || failure.at < 0) return null;
  const place = failure.place;
  const named = failure.name(failure.at, parts.index);
  const state = failure.register(parts.index);
  const { what, size } = memoryWords(parts.pointer, failure);
  const access = accessHere(place);
  const index = subscript(access) || named.expression;
  const subject = index ? `\`${index}\`` : capitalize(named.text);
  const original = named.origin.source.kind === 'constant' ? null : stateWhere(failure, named);
  const range = rangeWords(original ?? state);
  const check = lastCheck(failure, named);
  const checked =
    check === null ? 'nothing on this path bounds it' : 'the check before does not bound it on both sides';
  const checkPlace = check === null ? null : checkedAt(failure, check, index);
  const target = access ? `\`${access}\`` : 'the access';
  const array = /^(\w+)\[/.exec(access)?.[1];
  const behind =
    array && what === 'the global variables' ? `\`${array}\`` : size !== null ? `${what} (${bytes(size)})` : what;
  const count = access ? elementsOf(failure, place, access, null) : null;
  const limit = count !== null ? ` Valid indices are 0 to ${count - 1}.` : '';
  const signed = original ? original.range.smin < 0n && check !== null : false;
  return {
    message: `${subject} ${range}, and ${checked}, so ${target} can lie outside ${behind}.${limit}`,
    causes: [
      named.origin.source.kind === 'unknown' ? null : cause(named.place, `${subject} comes from here and ${range}.`),
      cause(checkPlace, 'This check is not enough.'),
    ],
    fixes: indexFix(failure, place, index, count, signed || isSigned(failure, index)),
  };
}

/** The value as it was before it was scaled to bytes. */
function stateWhere(failure: Failure, named: Named): RegisterState | null {
  for (const hop of named.origin.through) {
    const variable = failure.program.variableIn(hop.register, failure.path.insn(hop.at));
    if (variable && hop.at > 0) return failure.registerAt(hop.at, hop.register);
  }
  const last = named.origin.through.at(-1);
  return last && last.at > 0 ? failure.registerAt(last.at, last.register) : null;
}

function isSigned(failure: Failure, name: string): boolean {
  const variable = failure.insn === null ? null : failure.program.visible(name, failure.insn);
  return (
    variable !== null &&
    /^(?:int|long|short|s64|s32|__s64|__s32|long long|signed|ssize_t)\b/.test(failure.program.typeName(variable.type))
  );
}

function outsideMemory(failure: Failure, match: RegExpExecArray): Explanation | null {
  if (failure.at < 0) return null;
  const place = failure.place;
  const access = memoryAccess(failure.path.text(failure.at));
  const register = Number(/\bR(\d+)/.exec(failure.messages.join(' '))?.[1] ?? access?.base ?? NaN);
  const pointer = Number.isNaN(register) ? null : failure.register(register);
  const { what, size: known } = memoryWords(pointer, failure);
  const numbers = /(?:value_size|mem_size)=(-?\d+) off=(-?\d+) size=(\d+)/.exec(match.input);
  const size = numbers ? Number(numbers[1]) : known;
  const expression = accessHere(place);
  const target = expression ? `\`${expression}\`` : 'this access';
  const variable = pointer && pointer.range.tnum.mask !== 0n && pointer.type !== 'scalar' ? pointer.range : null;
  const index = subscript(expression);
  if (variable && index !== '' && !/^\d+$/.test(index)) {
    const count = elementsOf(failure, place, expression, null);
    const adder = lastSum(failure, register);
    const named = adder === null ? null : failure.name(adder.at, adder.index);
    const original = named && stateWhere(failure, named);
    const check = named && lastCheck(failure, named);
    const range = rangeWords(original);
    return {
      message: `\`${index}\` ${range} here, so ${target} can lie outside ${what}${size === null ? '' : ` (${bytes(size)})`}.${count === null ? '' : ` Valid indices are 0 to ${count - 1}.`}`,
      causes: [
        named && cause(named.place, `\`${index}\` comes from here.`),
        check === null ? null : cause(checkedAt(failure, check, index), 'This check allows too much.'),
      ],
      fixes: indexFix(failure, place, index, count, (original?.range.smin ?? 0n) < 0n),
    };
  }
  const at = numbers ? ` It begins at byte ${numbers[2]!} and is ${bytes(Number(numbers[3]))} long` : '';
  const named = Number.isNaN(register) ? null : failure.name(failure.at, register);
  return {
    message: `${capitalize(target)} lies outside ${what}${size === null ? '' : `, which has ${bytes(size)}`}.${at && `${at}.`}`,
    causes: [
      named && named.origin.source.kind === 'call'
        ? cause(named.place, `${capitalize(what)} is made here${size === null ? '' : ` with ${bytes(size)}`}.`)
        : null,
    ],
    fixes: [],
  };
}

/** Where a number was last added to the pointer in a register. */
function lastSum(failure: Failure, register: number): { at: number; index: number } | null {
  let reg = register;
  for (let at = failure.at - 1, hops = 0; at >= 0 && hops < 500; at--, hops++) {
    const text = failure.path.text(at);
    const added = new RegExp(`^\\([0-9a-f]{2}\\) r${reg} \\+= r(\\d+)`).exec(text);
    if (added) {
      const other = failure.registerAt(at, Number(added[1]));
      return { at, index: other && other.type !== 'scalar' ? reg : Number(added[1]) };
    }
    const moved = new RegExp(`^\\([0-9a-f]{2}\\) r${reg} = r(\\d+)$`).exec(text);
    if (moved) reg = Number(moved[1]);
  }
  return null;
}

function packet(failure: Failure): Explanation | null {
  if (failure.at < 0) return null;
  const place = failure.place;
  const access = memoryAccess(failure.path.text(failure.at));
  const register = access?.base ?? Number(/R(\d+)/.exec(failure.messages.join(' '))?.[1] ?? NaN);
  const pointer = Number.isNaN(register) ? null : failure.register(register);
  const expression = accessHere(place);
  const named = Number.isNaN(register) ? null : failure.name(failure.at, register);
  const target = expression ? `\`${expression}\`` : 'this access';
  // The message knows how much was checked; the register's state is not printed again by the check.
  const said = /off=(-?\d+) size=(\d+), R\d+\(id=(\d+),off=-?\d+,r=(\d+)\)/.exec(failure.messages.join(' '));
  const proven = said ? Number(said[4]) : (pointer?.packetRange ?? 0);
  const need = said ? Number(said[1]) + Number(said[2]) : null;
  const fixedOffset = said?.[3] === '0';
  const have =
    proven > 0 && fixedOffset
      ? `only the first ${bytes(proven)} of the packet were checked to be there${need === null ? '' : `, and it ends at byte ${need}`}`
      : 'nothing on this path checked that the packet is that long';
  const base =
    /^(\w+)(?:->|\[|\.)/.exec(expression)?.[1] ??
    (/^\w+$/.test(named?.expression ?? '') ? named!.expression : expression.replace(/^\*/, ''));
  return {
    message: `${capitalize(target)} is read from the packet, but ${have}. Compare the end of what is read with data_end first.`,
    causes: [
      named && named.origin.source.kind === 'load'
        ? cause(named.place, 'The pointer into the packet is made here.')
        : null,
    ],
    fixes: [packetCheck(failure, place, base, access?.size ?? 1)],
  };
}

/** "if ((void *)(eth + 1) > data_end) return XDP_PASS;" */
function packetCheck(failure: Failure, place: Place, base: string, size: number): Fix | null {
  const file = failure.program.file(place);
  if (!file || !/^\w+$/.test(base) || failure.insn === null) return null;
  // Only what the function that is written there can see, however it was inlined.
  const names = failure.program.scopes(failure.insn)[0]?.variables.map((v) => v.name) ?? [];
  const known = names.find((n) => /^(?:data_?end|end|pkt_?end)$/i.test(n));
  const context = names.find((n) => /^(?:ctx|skb|xdp|md)$/.test(n));
  const end = known ?? (context ? `(void *)(long)${context}->data_end` : null);
  if (end === null || size < 1) return null;
  return guardAbove(failure, place, `(void *)(${base} + 1) > ${end}`);
}

function size(failure: Failure, match: RegExpExecArray): Explanation | null {
  if (failure.at < 0) return null;
  const register = Number(/\bR(\d+)/.exec(match.input)?.[1] ?? NaN);
  const called = failure.called();
  if (!called) return unboundedIndex(failure);
  const sizeRegister = /min value is negative|unbounded memory|zero-sized|is not a known constant/.test(match.input)
    ? register
    : register + 1;
  const named = failure.name(failure.at, sizeRegister);
  const state = failure.register(sizeRegister);
  const place = failure.place;
  const args = argumentsOf(place.text, called);
  const expression = args?.[sizeRegister - 1] ?? named.expression;
  const subject = expression ? `\`${expression}\`` : capitalize(named.text);
  const buffer = failure.register(sizeRegister - 1);
  const { what, size: room } = buffer ? memoryWords(buffer, failure) : { what: 'the buffer', size: null };
  const check = lastCheck(failure, named);
  const range = rangeWords(state);
  const roomWords = room === null ? '' : `, but ${what} has ${bytes(room)}`;
  return {
    message: `${subject}, the size given to ${called}(), ${range}${roomWords}. Bound it on both sides before the call.`,
    causes: [
      named.origin.source.kind === 'unknown' ? null : cause(named.place, `${subject} comes from here.`),
      check === null ? null : cause(checkedAt(failure, check, expression), 'This check does not bound it enough.'),
    ],
    fixes: [sizeFix(failure, place, expression, args?.[sizeRegister - 2] ?? '', room)],
  };
}

function sizeFix(failure: Failure, place: Place, expression: string, buffer: string, room: number | null): Fix | null {
  if (!/^[A-Za-z_]\w*$/.test(expression)) return null;
  const array = /^&?\w+$/.test(buffer) ? buffer.replace(/^&/, '') : '';
  const variable = array && failure.insn !== null ? failure.program.visible(array, failure.insn) : null;
  const isArray = variable !== null && failure.program.elements(variable.type) !== null;
  const limit = isArray ? `sizeof(${array})` : room !== null ? String(room) : '';
  if (limit === '') return null;
  if (isSigned(failure, expression)) return makeUnsigned(failure, place, expression, limit);
  return clamp(failure, place, expression, limit);
}

/** Signed sizes are compared in one register and used, widened, in another: clang's code loses the lower bound. */
function makeUnsigned(failure: Failure, place: Place, name: string, limit: string): Fix | null {
  const variable = failure.insn === null ? null : failure.program.visible(name, failure.insn);
  const file = failure.program.file(place);
  const text = file && variable ? file.line(variable.line) : '';
  const declared = new RegExp(`\\b(?:int|long long|long|short|__s64|__s32|s64|s32)(?=\\s+${name}\\s*[=;])`).exec(text);
  const guard = guardAbove(failure, place, `${name} > ${limit}`);
  if (!file || !variable || !declared || !guard) return null;
  const edit = replaceIn(
    file,
    variable.line,
    declared.index + 1,
    declared.index + 1 + declared[0].length,
    'unsigned long',
  );
  return { title: `Make \`${name}\` unsigned, and leave when it is more than ${limit}`, edits: [edit, ...guard.edits] };
}

function clamp(failure: Failure, place: Place, name: string, limit: string): Fix | null {
  const file = failure.program.file(place);
  if (!file) return null;
  const line = file.statementStart(place.line);
  if (file.isBareBody(line)) return null;
  return {
    title: `Add \`if (${name} > ${limit}) ${name} = ${limit}\``,
    edits: [insertAbove(file, line, [`if (${name} > ${limit})`, `${tab(file)}${name} = ${limit};`])],
  };
}

function contextAccess(failure: Failure, match: RegExpExecArray): Explanation | null {
  if (failure.at < 0) return null;
  const access = memoryAccess(failure.path.text(failure.at));
  const place = failure.place;
  const expression = accessHere(place);
  const target = expression
    ? `\`${expression}\``
    : `byte ${/off=(-?\d+)/.exec(match.input)?.[1] ?? '?'} (${bytes(access?.size ?? 4)})`;
  const section = failure.program.source?.section ?? '';
  const type = section === '' ? 'this type' : `section "${section}"`;
  if (access?.write)
    return { message: `Programs of ${type} may not write ${target}: that part of the context is read-only.` };
  return {
    message: `Programs of ${type} have no field there to read: ${target}. Use a field of the context's own struct, whole and directly from the context pointer.`,
  };
}

export const boundsRules: readonly Rule[] = [
  {
    id: 'packet-unbounded-offset',
    title: 'Offset into the packet not bounded',
    pattern: /math between pkt pointer and register|value (-?\d+) makes pkt pointer be out of bounds/,
    about:
      'A number is added to a packet pointer that may be negative or larger than any packet (65535); bound it first.',
    explain: (failure) => {
      const parts = sum(failure);
      if (!parts) return null;
      const named = failure.name(failure.at, parts.index);
      const range = rangeWords(failure.register(parts.index));
      return {
        message: `${capitalize(named.text)} ${range}; the verifier lets only a number that is surely between 0 and 65535 be added to a pointer into the packet.`,
        causes: [
          named.origin.source.kind === 'unknown'
            ? null
            : cause(named.place, `${capitalize(named.text)} comes from here.`),
        ],
        fixes: /^\w+$/.test(named.expression) ? [guardAbove(failure, failure.place, `${named.expression} > 1500`)] : [],
      };
    },
  },
  {
    id: 'packet-out-of-bounds',
    title: 'Access outside the packet',
    pattern:
      /invalid access to packet|offset is outside of the packet|max value is outside of the allowed memory range.*pkt/,
    about:
      'Bytes of the packet are used before it was checked that the packet has them; compare the end of the access with data_end first.',
    explain: packet,
  },
  {
    id: 'context-modified',
    title: 'Context pointer was moved',
    pattern: /dereference of modified ctx ptr|negative offset ctx ptr|variable ctx access/,
    about:
      'Fields of the context are read at fixed offsets from the pointer that the program was given; the kernel rewrites each such access.',
    explain: (failure) => {
      const expression = accessHere(failure.place);
      const index = subscript(expression);
      return {
        message: `${expression ? `\`${expression}\`` : 'This access'} reads the context ${index && !/^\d+$/.test(index) ? `at an index (\`${index}\`) that is not known beforehand` : 'through a pointer that was moved'}; only fixed fields of it can be read. Use a switch over constant indices, or copy the fields first.`,
      };
    },
  },
  {
    id: 'context-out-of-bounds',
    title: 'Access outside the context',
    pattern: /invalid bpf_context access|cannot load sock ptr|cannot store sock ptr/,
    about: 'The context of this program type has no field there, or not one that may be read or written this way.',
    explain: contextAccess,
  },
  {
    id: 'stack-out-of-bounds',
    title: 'Access outside the stack array',
    pattern:
      /(?:invalid (?:variable-offset )?(?:indirect )?(?:unbounded )?(?:variable-offset )?(?:read|write|access)(?: to| from)? stack|invalid stack type|invalid zero-sized read.*stack|stack.*out of bounds)(?!.*\boff -?\d+\+\d+ size)/,
    about: 'An index or a size reaches outside an array on the stack; bound it to the size of the array.',
    explain: (failure, match) => {
      const call = failure.at >= 0 && failure.path.text(failure.at).startsWith('(85)');
      return call ? size(failure, match) : outsideMemory(failure, match);
    },
  },
  {
    id: 'check-on-copy',
    title: 'The check was on a copy',
    pattern: /math between (?:map_value|fp|mem|\w*mem|ringbuf_mem) pointer and register/,
    when: (failure) => copyChecked(failure) !== null,
    about:
      'A value was compared after it was cast or masked, and is used without that: the comparison bounds the copy only. Compare the value that is used, in its own type, or use the copy.',
    explain: (failure) => {
      const { at, named } = copyChecked(failure)!;
      const plain = unboundedIndex(failure);
      const subject = capitalize(named.text);
      const place = checkedAt(failure, at, named.expression);
      const line = lineWords(place, failure.place);
      return {
        message: `${subject} is compared${line && ` in ${line}`} only after it was cast or masked, which bounds that copy and not ${named.text} itself, and it is ${named.text} that is used here. Compare it as it is, or use the copy as the index.`,
        causes: [
          cause(named.place, `${subject} comes from here.`),
          cause(place, 'This check looks at a changed copy.'),
        ],
        fixes: plain?.fixes ?? [],
      };
    },
  },
  {
    id: 'stack-unbounded-index',
    title: 'Index into the stack array not bounded',
    pattern: /math between fp pointer and register|value -?\d+ makes fp pointer be out of bounds/,
    about:
      'A number that may be negative or very large is added to a pointer to the stack; bound it to the size of the array.',
    explain: unboundedIndex,
  },
  {
    id: 'index-unbounded',
    title: 'Index not bounded',
    pattern:
      /math between \w+ pointer and register|value -?\d+ makes \w+ pointer be out of bounds|R\d+ unbounded memory access, make sure to bounds check/,
    about:
      'A number that may be negative or very large is added to a pointer; compare it with the size of what the pointer points to.',
    explain: (failure, match) =>
      /unbounded memory/.test(match.input)
        ? (size(failure, match) ?? outsideMemory(failure, match))
        : unboundedIndex(failure),
  },
  {
    id: 'size-not-constant',
    title: 'Size must be a constant',
    pattern: /R(\d+) is not a known constant|R\d+ must be a known constant/,
    about:
      'This helper reserves or checks memory when the program is loaded, so its size has to be a constant; for a size known at run time use bpf_ringbuf_output() or a dynptr.',
    explain: (failure, match) => {
      if (failure.at < 0) return null;
      const register = Number(/R(\d+)/.exec(match.input)![1]);
      const named = failure.name(failure.at, register);
      const called = failure.called() || 'the helper';
      const instead =
        called === 'bpf_ringbuf_reserve'
          ? ' Reserve the largest size, or use bpf_ringbuf_reserve_dynptr() or bpf_ringbuf_output().'
          : '';
      const fix = argumentsOf(failure.place.text, called)?.[register - 1];
      return {
        message: `${fix ? `\`${fix}\`` : capitalize(named.text)} ${rangeWords(failure.register(register))}, but ${called}() needs a constant there.${instead}`,
        causes: [named.origin.source.kind === 'unknown' ? null : cause(named.place, 'The value comes from here.')],
      };
    },
  },
  {
    id: 'unbounded-size',
    title: 'Size not bounded',
    pattern:
      /R\d+ min value is negative, either use unsigned|unbounded memory access, use 'var &= const'|invalid zero-size|R\d+ invalid zero-sized|invalid mem_size/,
    about:
      'The size passed to a helper may be negative, zero or larger than the buffer; bound it with comparisons or a mask.',
    explain: size,
  },
  {
    id: 'read-only-memory',
    title: 'Memory is read-only',
    pattern:
      /write into map forbidden|cannot write into rdonly|cannot (?:write|store) into|R\d+ cannot write into|write access to map/,
    about: 'The memory may be read, not written: a const global, a read-only map, a slice of a packet.',
    explain: (failure) => {
      const expression = accessHere(failure.place);
      return {
        message: `${expression ? `\`${expression}\`` : 'This memory'} may only be read: it is a const variable, a read-only map or a read-only slice. Write to a copy.`,
      };
    },
  },
  {
    id: 'map-value-out-of-bounds',
    title: 'Access outside the value',
    pattern:
      /invalid access to (?:map|memory|mem|\w*buffer)|outside of the (?:allowed memory range|map value)|value is outside of|invalid access to .*buffer|invalid \w+ buffer access/,
    about:
      'The offset can point outside the memory behind the pointer (a map value, a ring-buffer record, a global); check the index against its size.',
    explain: outsideMemory,
  },
];
