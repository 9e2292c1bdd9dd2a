/** One register or spilled value as the verifier prints it, in the spellings of Linux 5.4 to 7.3. */

export interface Tnum {
  value: bigint;
  /** Bits that are not known. */
  mask: bigint;
}

/** Bounds that the log does not name are what the others leave, or at the type's own limits. */
export interface ScalarRange {
  smin: bigint;
  smax: bigint;
  umin: bigint;
  umax: bigint;
  smin32: bigint;
  smax32: bigint;
  umin32: bigint;
  umax32: bigint;
  tnum: Tnum;
}

export interface RegisterState {
  /** As it stands in the log. */
  text: string;
  /** "scalar", "ctx", "fp", "map_value", "map_ptr", "pkt", "ptr_" …, without what it may be besides. */
  type: string;
  /** "rdonly", "ringbuf", "user", "percpu", "rcu", "untrusted", "trusted", "alloc" … */
  flags: string[];
  nullable: boolean;
  /** The verifier needs its exact value (P). */
  precise: boolean;
  /** The struct that a `ptr_` points to. */
  struct: string;
  /** A number that is known exactly. */
  constant: bigint | null;
  id: number;
  /** "id=3+8": linked to another value by a constant difference. */
  idOffset: number;
  /** The reference that must be released. */
  refId: number;
  nonOwning: boolean;
  offset: bigint;
  /** Bytes of the packet that were proven to be there; null for what is no packet pointer. */
  packetRange: number | null;
  map: string;
  keySize: number | null;
  valueSize: number | null;
  /** Bytes of the memory behind a `mem` pointer. */
  memorySize: number | null;
  /** Frame that a stack pointer points into; null for its own. */
  frame: number | null;
  dynptr: string;
  range: ScalarRange;
  /** Attributes of kernels yet to come. */
  more: string[];
}

const U64 = 2n ** 64n;
const S64_MAX = 2n ** 63n - 1n;
const flagNames = ['rdonly', 'ringbuf', 'user', 'percpu', 'rcu', 'untrusted', 'trusted', 'alloc', 'own'];

const unbounded = (): ScalarRange => ({
  smin: -(2n ** 63n),
  smax: S64_MAX,
  umin: 0n,
  umax: U64 - 1n,
  smin32: -(2n ** 31n),
  smax32: 2n ** 31n - 1n,
  umin32: 0n,
  umax32: 2n ** 32n - 1n,
  tnum: { value: 0n, mask: U64 - 1n },
});

/** Never throws: what is not understood stays in `text` and `more`, with type "?". */
export function parseRegister(text: string): RegisterState {
  const state: RegisterState = {
    ...{ text, type: '?', flags: [], nullable: false, precise: false, struct: '', constant: null, id: 0, idOffset: 0 },
    ...{ refId: 0, nonOwning: false, offset: 0n, packetRange: null, map: '', keySize: null, valueSize: null },
    ...{ memorySize: null, frame: null, dynptr: '', range: unbounded(), more: [] },
  };
  let rest = text;
  const oldScalar = /^inv(P?)(?=$|-?\d|\()/.exec(rest);
  if (oldScalar) {
    state.precise = oldScalar[1] === 'P';
    rest = `scalar${rest.slice(oldScalar[0].length)}`;
    if (/^scalar-?\d/.test(rest)) rest = rest.slice(6);
  } else if (/^P(?=scalar|-?\d|0x|\()/.test(rest)) {
    state.precise = true;
    rest = rest.slice(1);
  }
  const constant = number(rest);
  if (constant !== null) {
    state.type = 'scalar';
    setConstant(state, constant);
    return state;
  }
  const open = rest.indexOf('(');
  const head = open < 0 ? rest : rest.slice(0, open);
  readHead(state, head);
  if (open >= 0) {
    const close = rest.endsWith(')') ? rest.length - 1 : rest.length;
    for (const part of attributes(rest.slice(open + 1, close))) readAttribute(state, part);
  }
  if (state.type === 'scalar' && state.constant === null && state.range.tnum.mask === 0n)
    setConstant(state, BigInt.asIntN(64, state.range.tnum.value));
  if (state.constant === null) deduce(state.range);
  return state;
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/**
 * Kernels before 6.7 leave out a bound that is the same as its signed or unsigned twin, and all leave out what follows from
 * the known bits: "scalar(umax=255)" is not negative.
 */
function deduce(range: ScalarRange): void {
  const { value, mask } = range.tnum;
  range.umin = most(range.umin, value);
  range.umax = least(range.umax, value | mask);
  if (range.umax <= S64_MAX) {
    range.smin = most(range.smin, range.umin);
    range.smax = least(range.smax, range.umax);
  } else if (range.smin >= 0n) {
    range.umin = most(range.umin, range.smin);
    range.umax = least(range.umax, range.smax);
  }
}

function setConstant(state: RegisterState, value: bigint): void {
  const signed = BigInt.asIntN(64, value);
  const unsigned = BigInt.asUintN(64, value);
  const [s32, u32] = [BigInt.asIntN(32, value), BigInt.asUintN(32, value)];
  state.constant = signed;
  state.range = {
    ...{
      smin: signed,
      smax: signed,
      umin: unsigned,
      umax: unsigned,
      smin32: s32,
      smax32: s32,
      umin32: u32,
      umax32: u32,
    },
    tnum: { value: unsigned, mask: 0n },
  };
}

/** "fp-16", "fp[1]-16", "rdonly_mem_or_null", "trusted_ptr_task_struct", "ptr_or_null_sock". */
function readHead(state: RegisterState, head: string): void {
  const stack = /^fp(?:\[(\d+)\])?(-?(?:0x)?[0-9a-f]+)?$/.exec(head);
  if (stack) {
    state.type = 'fp';
    if (stack[1] !== undefined) state.frame = Number(stack[1]);
    state.offset = (stack[2] !== undefined ? number(stack[2]) : null) ?? 0n;
    return;
  }
  let rest = head;
  for (let found = true; found;) {
    found = false;
    for (const flag of flagNames) {
      if (!rest.startsWith(`${flag}_`)) continue;
      state.flags.push(flag);
      rest = rest.slice(flag.length + 1);
      found = true;
    }
  }
  if (rest.startsWith('ptr_')) {
    state.type = 'ptr_';
    rest = rest.slice(4);
    if (rest.startsWith('or_null_')) {
      state.nullable = true;
      rest = rest.slice(8);
    }
    state.struct = rest;
    return;
  }
  if (rest.endsWith('_or_null')) {
    state.nullable = true;
    rest = rest.slice(0, -'_or_null'.length);
  }
  state.type = rest === '' ? '?' : rest;
}

/** Splits at commas outside parentheses. */
function attributes(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === 40) depth++;
    else if (c === 41) depth--;
    else if (c === 44 && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

const rangeNames: Record<string, keyof Omit<ScalarRange, 'tnum'>> = {
  smin: 'smin',
  smax: 'smax',
  umin: 'umin',
  umax: 'umax',
  smin32: 'smin32',
  smax32: 'smax32',
  umin32: 'umin32',
  umax32: 'umax32',
  smin_value: 'smin',
  smax_value: 'smax',
  umin_value: 'umin',
  umax_value: 'umax',
  s32_min_value: 'smin32',
  s32_max_value: 'smax32',
  u32_min_value: 'umin32',
  u32_max_value: 'umax32',
  s32_min: 'smin32',
  s32_max: 'smax32',
  u32_min: 'umin32',
  u32_max: 'umax32',
};

function readAttribute(state: RegisterState, part: string): void {
  const equals = part.indexOf('=');
  if (equals < 0) {
    if (part === 'non_own_ref') state.nonOwning = true;
    else if (part !== '') state.more.push(part);
    return;
  }
  const key = part.slice(0, equals);
  const value = part.slice(part.lastIndexOf('=') + 1);
  // "smax=umax=umax32=4095": one value for several bounds.
  const names = part.split('=').slice(0, -1);
  if (names.every((name) => Object.hasOwn(rangeNames, name))) {
    const bound = number(value);
    if (bound === null) state.more.push(part);
    else for (const name of names) setBound(state.range, rangeNames[name]!, bound);
    return;
  }
  if (!readNamed(state, key, value)) state.more.push(part);
}

function setBound(range: ScalarRange, name: keyof Omit<ScalarRange, 'tnum'>, value: bigint): void {
  const bits = name.endsWith('32') ? 32 : 64;
  // Negative bounds in hexadecimal are printed as they lie in memory.
  range[name] = name.startsWith('s') ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

function readNamed(state: RegisterState, key: string, value: string): boolean {
  if (key === 'map') state.map = value;
  else if (key === 'type') state.dynptr = value;
  else if (key === 'var_off') {
    const tnum = parseTnum(value);
    if (!tnum) return false;
    state.range.tnum = tnum;
  } else if (key === 'imm') {
    // Old kernels print it in hexadecimal without 0x.
    const imm = /^[0-9a-f]+$/.test(value) ? BigInt(`0x${value}`) : number(value);
    if (imm === null) return false;
    if (state.type === 'scalar') setConstant(state, imm);
    else state.offset += imm;
  } else if (key === 'id') {
    const match = /^(\d+)([+-]\d+)?$/.exec(value);
    if (!match) return false;
    state.id = Number(match[1]);
    state.idOffset = Number(match[2] ?? 0);
  } else {
    const n = number(value);
    if (n === null) return false;
    if (key === 'off') state.offset = n;
    else if (key === 'r') state.packetRange = Number(n);
    else if (key === 'ks') state.keySize = Number(n);
    else if (key === 'vs') state.valueSize = Number(n);
    else if (key === 'sz' || key === 'mem_size') state.memorySize = Number(n);
    else if (key === 'ref_obj_id' || key === 'ref_id') state.refId = Number(n);
    else return false;
  }
  return true;
}

/** "(0x0; 0xff)", or a constant. */
export function parseTnum(text: string): Tnum | null {
  const match = /^\((0x[0-9a-f]+|\d+); (0x[0-9a-f]+|\d+)\)?$/.exec(text);
  if (match) return { value: BigInt(match[1]!), mask: BigInt(match[2]!) };
  const constant = number(text);
  return constant === null ? null : { value: BigInt.asUintN(64, constant), mask: 0n };
}

function number(text: string): bigint | null {
  if (!/^-?(?:0x[0-9a-f]+|\d+)$/.test(text)) return null;
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
}
