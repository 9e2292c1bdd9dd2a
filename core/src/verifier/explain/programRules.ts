/** What concerns the program as a whole: loops, size, stack, licence, helpers, return values, calls, instructions. */
import type { SourceFile } from './sourceText.ts';
import { insertBelow, replaceIn, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import type { Place } from './program.ts';
import { cause, type Explanation, type Rule } from './rule.ts';
import { capitalize, list, rangeWords } from './words.ts';

const program = (failure: Failure): string => {
  const section = failure.program.source?.section ?? '';
  return section === '' ? 'programs of this type' : `programs of section "${section}"`;
};

/** The line of the loop around a place: the nearest for, while or do above it, in the same function. */
function loopLine(file: SourceFile | null, place: Place): number {
  if (!file) return place.line;
  for (let line = place.line; line > 0 && line > place.line - 60; line--) {
    const text = file.line(line);
    if (/^\s*(?:\}\s*)?(?:for|while|do)\b/.test(text)) return line;
    if (/^\S/.test(text) && line !== place.line && !/^[#/}]/.test(text)) break;
  }
  return place.line;
}

function loopPlace(failure: Failure): Place {
  const place = failure.place;
  const file = failure.program.file(place);
  const line = loopLine(file, place);
  if (!file || line === place.line) return place;
  const text = file.line(line);
  return { ...place, line, column: file.indent(line).length + 1, endColumn: text.trimEnd().length + 1, text };
}

const BOUND = 1000;

/** "while (x)" → "for (int tries = 0; tries < 1000 && (x); tries++)", and the same for a for loop's condition. */
function boundLoop(failure: Failure, place: Place): Fix | null {
  const file = failure.program.file(place);
  const text = file?.line(place.line) ?? '';
  const loop = /^(\s*)while\s*\((.*)\)(\s*\{?)\s*$/.exec(text);
  if (!file) return null;
  if (loop) {
    const condition = /^(?:1|true)$/.test(loop[2]!.trim()) ? '' : ` && (${loop[2]!})`;
    const bounded = `${loop[1]!}for (int tries = 0; tries < ${BOUND}${condition}; tries++)${loop[3]!}`;
    return { title: `Stop after ${BOUND} rounds`, edits: [replaceIn(file, place.line, 1, text.length + 1, bounded)] };
  }
  const counted = /^(\s*for\s*\([^;]*;)([^;]*)(;.*)$/.exec(text);
  const counter = counted && /([A-Za-z_]\w*)\s*<=?\s*[^;]+$/.exec(counted[2]!)?.[1];
  if (!counted || !counter) return null;
  const bounded = `${counted[1]!} ${counter} < ${BOUND} &&${counted[2]!}${counted[3]!}`;
  return { title: `Stop after ${BOUND} rounds`, edits: [replaceIn(file, place.line, 1, text.length + 1, bounded)] };
}

function loop(failure: Failure, match: RegExpExecArray): Explanation {
  const insn = /insn (\d+)/.exec(match.input)?.[1];
  if (insn !== undefined) failure.pointTo(Number(insn));
  const place = loopPlace(failure);
  return {
    message: `The verifier walks a loop round by round and found no end of this one: after a round everything that it knows is the same as before. Give it a bound that the verifier can count, as in \`for (int i = 0; i < ${BOUND}; i++)\`, or use bpf_for() or bpf_loop().`,
    fixes: [boundLoop(failure, place)],
    place,
  };
}

/** A function that is open more than once. */
function repeated(failure: Failure): string | null {
  if (failure.at < 0) return null;
  const names = failure.path.callers(failure.at).map((at) => failure.program.functionOf(failure.path.insn(at)));
  return names.find((name, i) => name !== '' && names.indexOf(name) !== i) ?? null;
}

/** The loop that the verifier spent its last thousand steps in. */
function complexity(failure: Failure): Explanation {
  const place = loopPlace(failure);
  const file = failure.program.file(place);
  const looped = /^\s*(?:for|while|do)\b/.test(place.text || (file?.line(place.line) ?? ''));
  const processed = failure.log.stats.processed;
  const figure = processed === null ? '' : ` after ${processed.toLocaleString('en-US')} instructions`;
  return {
    message: `The verifier gave up${figure}: it follows every path${looped ? ' through every round of this loop' : ''}, and there are too many. Use bpf_loop() or bpf_for() (their body is verified once), give loops fewer rounds, or move code into a global (non-static, __noinline) function, which is verified by itself.`,
    fixes: looped ? [boundLoop(failure, place)] : [],
    place,
  };
}

function licence(failure: Failure): Explanation {
  const called = failure.called();
  const object = failure.program.source?.object;
  const license = object?.license ?? '';
  const place = failure.place;
  const file = failure.program.file(place);
  const now = license === '' ? 'The program names no licence' : `The program's licence is "${license}"`;
  return {
    message: `${now}, and ${called || 'this helper'}() may be called by programs under a GPL-compatible licence only ("GPL", "Dual MIT/GPL", "Dual BSD/GPL" …).`,
    fixes: file ? [licenceFix(file)] : [],
  };
}

function licenceFix(file: SourceFile): Fix {
  const line = file.lines.findIndex((l) => /SEC\("license"\)/.test(l)) + 1;
  const quoted = line === 0 ? null : /=\s*("[^"]*")/.exec(file.line(line));
  const title = 'Set the licence to "GPL"';
  if (quoted) {
    const from = quoted.index + quoted[0].length - quoted[1]!.length + 1;
    return { title, edits: [replaceIn(file, line, from, from + quoted[1]!.length, '"GPL"')] };
  }
  let last = file.lines.length;
  while (last > 1 && file.line(last).trim() === '') last--;
  const edit = insertBelow(file, last, ['', 'char LICENSE[] SEC("license") = "GPL";']);
  return { title, edits: [{ ...edit, text: '\n\nchar LICENSE[] SEC("license") = "GPL";' }] };
}

function returned(failure: Failure, match: RegExpExecArray): Explanation | null {
  const numbers =
    /should have been in \[(-?\d+), (-?\d+)\]/.exec(match.input) ??
    /should have been in \((0x[0-9a-f]+); (0x[0-9a-f]+)\)/.exec(match.input);
  const state = failure.register(0);
  const callback = /callback/.test(match.input);
  const who = callback ? `a callback must return` : `${program(failure)} must return`;
  const allowed = numbers
    ? match.input.includes('[')
      ? between(Number(numbers[1]), Number(numbers[2]))
      : 'one of the values that its type allows'
    : 'one of the values that its type allows';
  const place = failure.place;
  const origin = failure.at < 0 ? null : failure.name(failure.at, 0);
  const made = origin?.origin.source.kind;
  const from = (made === 'call' || made === 'load' || made === 'constant' ? origin?.place : null) ?? place;
  const file = failure.program.file(from);
  const returning = file ? returnLine(file, from) : null;
  const at = returning ?? (/\breturn\b/.test(place.text) ? place : from);
  const what = /\breturn\s+([^;]+);/.exec(at.text || place.text)?.[1];
  const low = numbers && match.input.includes('[') ? Math.max(0, Number(numbers[1])) : 0;
  const constant = state?.constant ?? null;
  return {
    message:
      constant !== null
        ? `${capitalize(who)} ${allowed}, and this returns ${constant}.`
        : `${what ? `\`${what}\`` : 'The value returned'} ${rangeWords(state)}, but ${who} ${allowed}.`,
    causes: [from.line !== at.line && constant === null ? cause(from, 'The value comes from here.') : null],
    fixes: file && what && /\breturn\s+[^;]+;/.test(file.line(at.line)) ? [returnFix(file, at.line, low)] : [],
    place: at,
  };
}

function returnLine(file: SourceFile, from: Place): Place | null {
  for (let line = from.line; line <= from.line + 1; line++) {
    const found = /\breturn\b/.exec(file.line(line));
    if (found)
      return {
        ...from,
        line,
        column: found.index + 1,
        endColumn: file.line(line).trimEnd().length + 1,
        text: file.line(line),
      };
  }
  return null;
}

function returnFix(file: SourceFile, line: number, value: number): Fix | null {
  const found = /\breturn\s+([^;]+);/.exec(file.line(line));
  if (!found) return null;
  const from = found.index + found[0].indexOf(found[1]!) + 1;
  return { title: `Return ${value}`, edits: [replaceIn(file, line, from, from + found[1]!.length, String(value))] };
}

function between(low: number, high: number): string {
  if (low === high) return String(low);
  return high - low < 5
    ? list(Array.from({ length: high - low + 1 }, (_, i) => String(low + i)))
    : `a value from ${low} to ${high}`;
}

function stack(failure: Failure, match: RegExpExecArray): Explanation {
  const total = /is (\d+)/.exec(match.input)?.[1];
  const depths = failure.log.stats.stackDepths;
  const named = failure.program.layout.map((l, i) => ({ name: l.function.name, depth: depths[i] ?? 0 }));
  const large = named.filter((f) => f.depth > 64).sort((a, b) => b.depth - a.depth);
  const each = large.map((f) => `${f.name}() ${f.depth}`);
  return {
    message: `The functions of one chain of calls may use 512 bytes of stack together${total ? `; this one uses ${total}` : ''}${each.length > 0 ? ` (${each.join(', ')})` : ''}. Move large variables into a per-CPU array map, or into the ring-buffer record that they end up in.`,
    place: failure.program.ofProgram(),
  };
}

function helper(failure: Failure, match: RegExpExecArray): Explanation {
  const named = /(?:helper|func|function) (\w+)#\d+/.exec(match.input)?.[1] ?? failure.called();
  return {
    message: `${named ? `${named}()` : 'This helper'} cannot be called by ${program(failure)}. Use another helper, or another kind of program.`,
  };
}

export const programRules: readonly Rule[] = [
  {
    id: 'unbounded-loop',
    title: 'Loop without an end',
    pattern: /infinite loop detected|back-edge|loop.*not bounded/,
    about:
      'The verifier walks loops round by round and sees no end of this one; give it a constant bound, or use bpf_for() or bpf_loop().',
    explain: loop,
  },
  {
    id: 'too-complex',
    title: 'Too much to verify',
    pattern:
      /BPF program is too large|too complex|jumps is too complex|program is too large|cannot be verified.*complex|too many states/,
    about:
      'The verifier follows every path and gave up after its limit of a million instructions (or 8192 pending branches).',
    explain: complexity,
  },
  {
    id: 'stack-too-large',
    title: 'Too much stack',
    pattern: /combined stack size|stack size|stack depth.*exceeds|looks like the BPF stack limit|stack limit/i,
    about:
      'A chain of calls may use 512 bytes of stack; move large variables into a per-CPU array map or the ring-buffer record.',
    explain: stack,
  },
  {
    id: 'call-too-deep',
    title: 'Calls nested too deep',
    pattern: /call stack of \d+ frames is too deep|the call stack of/,
    about: 'At most eight functions may be open at once; make some of them __always_inline.',
  },
  {
    id: 'recursion',
    title: 'Function calls itself',
    pattern: /recursive call|program is too large|frames is too deep|call stack of/,
    when: (failure, match) => /recursive/.test(match.input) || repeated(failure) !== null,
    explain: (failure) => {
      const name = repeated(failure);
      return name === null
        ? null
        : {
            message: `${name}() calls itself, so the verifier has to follow the call for ever. Use a loop with a bound, or bpf_loop().`,
          };
    },
    about: 'BPF functions may not call themselves, directly or through others; use a loop, or bpf_loop().',
  },
  {
    id: 'tail-call-mix',
    title: 'Tail call not possible here',
    pattern: /tail_calls? (?:is|are) not allowed|tail call.*not allowed|tail_call abusing map/,
    about: 'Tail calls cannot be mixed with what this program does (functions with locks, callbacks, large stacks).',
  },
  {
    id: 'tail-call-map',
    title: 'Tail call needs a program array',
    pattern: /expected prog array map for tail call/,
    about: 'The map that bpf_tail_call() jumps through has to be of type BPF_MAP_TYPE_PROG_ARRAY.',
    explain: (failure) => {
      const state = failure.register(2);
      return {
        message: `${state?.map ? `\`${state.map}\`` : 'The map'} is no program array, and bpf_tail_call() can jump through a map of type BPF_MAP_TYPE_PROG_ARRAY only.`,
      };
    },
  },
  {
    id: 'gpl-only',
    title: 'Needs a GPL-compatible licence',
    pattern: /GPL-restricted|GPL compatible|from non-GPL|GPL-incompatible/,
    about: 'The helper or kernel function may be called by programs under a GPL-compatible licence only.',
    explain: licence,
  },
  {
    id: 'sleep-not-allowed',
    title: 'May sleep, where nothing may',
    pattern:
      /might sleep in a non-sleepable|sleepable (?:helper|kfunc|program)|must be sleepable|in non-sleepable|within (?:rcu|RCU|preempt|irq)/,
    about:
      'The function may wait (for memory, for a page), and this program runs where it must not. Use the sleepable form of the section (".s": "fentry.s/…", "lsm.s/…", "uprobe.s"), or a function that does not wait.',
    explain: (failure) => {
      const called = failure.called() || 'This function';
      const section = failure.program.source?.section ?? '';
      const kind = section.split('/')[0]!;
      const form = /^(?:fentry|fexit|fmod_ret|lsm|uprobe|uretprobe|usdt|iter|syscall|ksyscall)$/.test(kind)
        ? ` Use SEC("${kind}.s/…") to let it sleep.`
        : ' Programs of this kind never may; read with a function that does not wait (bpf_probe_read_user() instead of bpf_copy_from_user()).';
      return { message: `${called}() may have to wait, and ${program(failure)} run where nothing may wait.${form}` };
    },
  },
  {
    id: 'kfunc-missing',
    title: 'Kernel function missing',
    pattern:
      /kfunc '([^']+)' is referenced but wasn't resolved|<invalid kfunc call>|calling invalid kernel function|call to invalid (?:destination|kfunc)/,
    about:
      'This kernel has no such function (kfunc), or does not offer it to BPF. A weak one can be asked for with bpf_ksym_exists().',
    explain: (_failure, match) =>
      match[1] === undefined
        ? null
        : {
            message: `This kernel has no function ${match[1]}() for BPF programs. Guard the call with \`if (bpf_ksym_exists(${match[1]}))\`, or use what this kernel has.`,
          },
  },
  {
    id: 'kfunc-not-allowed',
    title: 'Kernel function not allowed here',
    pattern: /calling kernel function (\S+) is not allowed/,
    about: 'The kernel function exists, but programs of this type may not call it.',
    explain: (failure, match) => ({ message: `${match[1]!}() exists, but ${program(failure)} may not call it.` }),
  },
  {
    id: 'helper-unknown',
    title: 'Helper missing in this kernel',
    pattern: /invalid func unknown#(?!195896080)|unknown func (\w+)#|invalid func (\w+)#/,
    about: 'This kernel is older than the helper, or was built without it.',
    explain: (_failure, match) => {
      const name = match[1] ?? match[2];
      return name === undefined
        ? null
        : {
            message: `This kernel does not offer ${name}() to programs of this type: it is too old, or was built without it.`,
          };
    },
  },
  {
    id: 'helper-not-allowed',
    title: 'Helper not allowed here',
    pattern: /cannot use helper|helper call is not allowed|not allowed in (?!.*region)|program of this type/,
    about: 'Programs of this type may not call that helper; use another, or another program type.',
    explain: helper,
  },
  {
    id: 'invalid-callback-return',
    title: 'Callback returns what it may not',
    pattern: /At (?:callback|async callback) (?:return|the register)? ?.*R0/,
    about: 'Callbacks return 0 to go on and 1 to stop; timer and work callbacks return 0.',
    explain: returned,
  },
  {
    id: 'invalid-return',
    title: 'Return value not allowed',
    pattern:
      /At (?:program|subprogram) exit the register R0|should have been in|return value.*invalid|At exit the register R0/,
    about: 'Programs of this type may return certain values only; return one of those on every path.',
    explain: returned,
  },
  {
    id: 'pointer-leak',
    title: 'Kernel address would leak',
    pattern: /leaks addr|pointer leak|attempt to corrupt spilled pointer|leak pointer/,
    about:
      'The program would hand a kernel address to user space (as a return value or in a map), which it lacks the right to do (CAP_PERFMON).',
  },
  {
    id: 'unreachable-code',
    title: 'Code that can never run',
    pattern: /unreachable insn (\d+)/,
    about:
      'Some instructions are never reached: usually hand-written assembly that leaves the function, or code after a call that never returns.',
    explain: (failure, match) => {
      failure.pointTo(Number(match[1]));
      return {
        message:
          'This code can never run: something before it always leaves the function. The kernel refuses programs with dead instructions.',
      };
    },
  },
  {
    id: 'jump-out-of-range',
    title: 'Jump outside the function',
    pattern: /jump out of range|jump into the middle of ldimm64/,
    about: 'An instruction jumps outside its function; usually hand-written assembly.',
  },
  {
    id: 'function-without-end',
    title: 'Function without a return',
    pattern: /last insn is not an exit|no BPF_EXIT|is not an exit or jmp/,
    about:
      'A function runs past its end: a return is missing, or the compiler removed it because of undefined behaviour (an array index out of range, a null pointer, a division by zero).',
  },
  {
    id: 'instruction-unknown',
    title: 'Instruction unknown to this kernel',
    pattern:
      /unknown opcode|invalid BPF_LD_IMM64|invalid insn|BPF_\w+ uses reserved fields|unknown insn class|reserved field/,
    about:
      'The program is built with newer instructions than this kernel knows; build it with an older -mcpu (v2 or v3).',
  },
  {
    id: 'uninitialized-stack',
    title: 'Uninitialised bytes on the stack',
    pattern:
      /invalid (?:indirect )?read from stack (?:R\d+ )?(?:off )?-?\d+\+\d+ size|invalid (?:indirect )?read from stack (?:R\d+ )?off -?\d+\+\d+ size/,
    about:
      'Bytes that were never written are read or passed to a helper: initialise the whole variable, padding included (= {} or __builtin_memset).',
    explain: (failure, match) => {
      const numbers = /off (-?\d+)\+(\d+) size (\d+)/.exec(match.input);
      if (!numbers) return null;
      const offset = Number(numbers[1]);
      const variable = failure.stackVariable(offset + Number(numbers[2])) ?? failure.stackVariable(offset);
      const name = variable ? `\`${variable.name}\`` : 'A variable on the stack';
      return {
        message: `${name} is used before all of it was written: byte ${numbers[2]!} of ${numbers[3]!} still holds whatever was on the stack (padding between members counts). Set all of it first, with __builtin_memset().`,
        fixes: variable ? [clearVariable(failure, variable.name)] : [],
      };
    },
  },
  {
    id: 'uninitialized-register',
    title: 'Value that was never set',
    pattern: /R(\d+) !read_ok|Register R\d+ is uninit|has never been initialized|frame pointer is read only/,
    about: 'A value is used that was not set on this path; initialise the variable, or return a value on every path.',
    explain: (failure, match) => {
      const register = Number(match[1] ?? NaN);
      if (register === 0 && failure.at >= 0 && failure.path.text(failure.at).startsWith('(95)'))
        return {
          message: `${failure.program.functionOf(failure.path.insn(failure.at))}() ends here without a value to return. Return one on every path.`,
        };
      if (register >= 1 && register <= 5 && failure.at >= 0) {
        const called = failure.called();
        if (called)
          return {
            message: `Argument ${register} of ${called}() was not set on this path. Pass as many arguments as it takes.`,
          };
      }
      return null;
    },
  },
];

function clearVariable(failure: Failure, name: string): Fix | null {
  const variable = failure.insn === null ? null : failure.program.visible(name, failure.insn);
  const place = failure.place;
  const file = failure.program.file(place);
  if (!variable || !file || variable.line === 0) return null;
  let line = file.statementEnd(variable.line);
  // Below all declarations of the block.
  while (
    /^\s+(?:struct|union|enum|const|volatile|unsigned|char|int|long|short|__?[us]\d+|[us]\d+|bool)\b[^()]*;/.test(
      file.line(line + 1),
    )
  )
    line++;
  const statement = `__builtin_memset(&${name}, 0, sizeof(${name}));`;
  return { title: `Clear \`${name}\` first`, edits: [insertBelow(file, line, [statement], variable.line)] };
}
