/** A printed state cut into its parts: "frame1: R1=ctx() R10=fp0 fp-8=mmmm???? refs=2 cb". */

export interface StateText {
  frame: number;
  /** By number, as text. */
  registers: [number, string][];
  /** By offset from the frame pointer (negative). */
  stack: [number, string][];
  /** Ids of the references held; null when the state names none. */
  references: number[] | null;
  callback: boolean;
}

const digit = (c: number): boolean => c >= 48 && c <= 57;

/** Never throws; parts that it does not know are left out. */
export function readState(text: string): StateText {
  const state: StateText = { frame: 0, registers: [], stack: [], references: null, callback: false };
  let at = 0;
  while (at < text.length) {
    const c = text.charCodeAt(at);
    if (c === 32) {
      at++;
      continue;
    }
    const end = partEnd(text, at);
    const part = text.slice(at, end);
    at = end + 1;
    readPart(state, part);
  }
  return state;
}

/** A part ends at a space outside parentheses. */
function partEnd(text: string, from: number): number {
  let depth = 0;
  let at = from;
  for (; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === 40) depth++;
    else if (c === 41) depth--;
    else if (c === 32 && depth <= 0) break;
  }
  return at;
}

function readPart(state: StateText, part: string): void {
  const equals = part.indexOf('=');
  const c = part.charCodeAt(0);
  if (equals < 0) {
    const frame = /^frame(\d+):$/.exec(part)?.[1];
    if (frame !== undefined) state.frame = Number(frame);
    else if (part === 'cb' || part === 'async_cb') state.callback = true;
    return;
  }
  if (c === 82 && digit(part.charCodeAt(1))) {
    const name = digit(part.charCodeAt(2)) ? part.slice(1, 3) : part.slice(1, 2);
    state.registers.push([Number(name), part.slice(equals + 1)]);
  } else if (c === 102 && part.startsWith('fp')) {
    const offset = /^fp(-?\d+)/.exec(part)?.[1];
    if (offset !== undefined) state.stack.push([Number(offset), part.slice(equals + 1)]);
  } else if (part.startsWith('refs=')) {
    state.references = part
      .slice(5)
      .split(',')
      .map(Number)
      .filter((n) => Number.isSafeInteger(n));
  }
}
