/** Values that were never set, and code that cannot be. */
import { insertBelow, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import type { Rule } from './rule.ts';

export const codeRules: readonly Rule[] = [
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
          'This code can never run: something before it always leaves the function (inline assembly, or a branch that the compiler took for impossible, because a value in it was never set). The kernel refuses programs with dead instructions; take out what can never run.',
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
