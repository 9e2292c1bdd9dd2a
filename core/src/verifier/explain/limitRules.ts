/** Limits of the verifier: loops, size, stack, calls. */
import { replaceIn, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import type { Place } from './program.ts';
import type { Explanation, Rule } from './rule.ts';
import type { SourceFile } from './sourceText.ts';
import { makeGlobal } from './splitRepair.ts';
import { moveToMap } from './stackRepair.ts';

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
    fixes: [makeGlobal(failure), looped ? boundLoop(failure, place) : null],
    place,
  };
}

function stack(failure: Failure, match: RegExpExecArray): Explanation {
  const total = /is (\d+)/.exec(match.input)?.[1];
  const depths = failure.log.stats.stackDepths;
  const named = failure.program.layout.map((l, i) => ({ name: l.function.name, depth: depths[i] ?? 0 }));
  const large = named.filter((f) => f.depth > 64).sort((a, b) => b.depth - a.depth);
  const each = large.map((f) => `${f.name}() ${f.depth}`);
  return {
    message: `A program and the functions that it calls one inside the other share 512 bytes of stack${total ? `; here they need ${total}` : ''}${each.length > 0 ? ` (${each.join(', ')})` : ''}. Move large variables into a per-CPU array map, or into the ring-buffer record that they end up in.`,
    fixes: [moveToMap(failure)],
    place: failure.program.ofProgram(),
  };
}

export const limitRules: readonly Rule[] = [
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
    // The second is what kernels before 6.15 say of it, or of anything else that they do not expect.
    pattern: /expected prog array map for tail call|kernel subsystem misconfigured verifier/,
    when: (failure) => failure.at < 0 || failure.called() === 'bpf_tail_call',
    about: 'The map that bpf_tail_call() jumps through has to be of type BPF_MAP_TYPE_PROG_ARRAY.',
    explain: (failure) => {
      const map = failure.register(2)?.map || failure.mapName(failure.at, 2);
      return {
        message: `${map ? `\`${map}\`` : 'The map'} is no program array, and bpf_tail_call() can jump through a map of type BPF_MAP_TYPE_PROG_ARRAY only.`,
      };
    },
  },
];
