/** Helpers and kernel functions that this kernel, this type of program or this licence may not call. */
import { insertBelow, replaceIn, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import { functionAround } from './functionText.ts';
import { alternative, callInstead, kernelFunctionInstead } from './otherHelper.ts';
import { programWords, type Explanation, type Rule } from './rule.ts';
import type { SourceFile } from './sourceText.ts';

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

function helper(failure: Failure, match: RegExpExecArray): Explanation {
  const named = /(?:helper|func|function) (\w+)#\d+/.exec(match.input)?.[1] ?? failure.called();
  const other = alternative(failure, named);
  const instead = other
    ? `Call ${other.instead}(), which ${other.why}.`
    : 'Use another helper, or another kind of program.';
  return {
    message: `${named ? `${named}()` : 'This helper'} cannot be called by ${programWords(failure)}. ${instead}`,
    fixes: [other && callInstead(failure, other)],
  };
}

/** Kinds of programs that may wait when their section says so. */
const mayWait = /^(?:fentry|fexit|fmod_ret|lsm|uprobe|uretprobe|usdt|iter)$/;

function waits(failure: Failure): Explanation {
  const called = failure.called() || 'This function';
  const kind = (failure.program.source?.section ?? '').split('/')[0]!;
  const other = alternative(failure, called);
  const instead = other ? `call ${other.instead}(), which ${other.why}` : 'use a function that does not wait';
  const form = mayWait.test(kind)
    ? `Write SEC("${kind}.s/…"), which lets it wait, or ${instead}.`
    : `Programs of this kind never may: ${instead}.`;
  return {
    message: `${called}() may have to wait, and ${programWords(failure)} run where nothing may wait. ${form}`,
    fixes: [mayWait.test(kind) ? sleepable(failure, kind) : null, other && callInstead(failure, other)],
  };
}

/** SEC("iter/task") → SEC("iter.s/task"), above the program. */
function sleepable(failure: Failure, kind: string): Fix | null {
  const place = failure.program.ofProgram();
  const file = failure.program.file(place);
  const section = failure.program.source?.section ?? '';
  const around = file && functionAround(file, place.line);
  for (let line = around?.head ?? 0; file && around && line >= around.first; line--) {
    const at = file.line(line).indexOf(`SEC("${section}")`);
    if (at < 0) continue;
    const from = at + 'SEC("'.length + kind.length + 1;
    return {
      title: `Make it SEC("${section.replace(kind, `${kind}.s`)}")`,
      edits: [replaceIn(file, line, from, from, '.s')],
    };
  }
  return null;
}

export const calledRules: readonly Rule[] = [
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
      /might sleep in a non-sleepable|unknown func bpf_copy_from_user(?:_task)?#|sleepable (?:helper|kfunc|program)|must be sleepable|in non-sleepable|within (?:rcu|RCU|preempt|irq)/,
    about:
      'The function may wait (for memory, for a page), and this program runs where it must not. Use the sleepable form of the section (".s": "fentry.s/…", "lsm.s/…", "uprobe.s"), or a function that does not wait.',
    explain: waits,
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
    explain: (failure, match) => {
      const other = alternative(failure, match[1]!);
      const instead = other ? ` Call ${other.instead}(), which ${other.why}.` : '';
      return {
        message: `${match[1]!}() exists, but ${programWords(failure)} may not call it.${instead}`,
        fixes: [other && kernelFunctionInstead(failure, other)],
      };
    },
  },
  {
    id: 'helper-unknown',
    title: 'Helper missing in this kernel',
    pattern: /(?:invalid|unknown) func unknown#(?!195896080)(\d+)|invalid func (\w+)#/,
    about: 'This kernel is older than the helper, or was built without it.',
    explain: (failure, match) => {
      const { text, column } = failure.place;
      const called = match[2] ?? /^bpf_\w+(?=\s*\()/.exec(text.slice(Math.max(0, column - 1)))?.[0];
      const name = called ? `${called}()` : `the helper with the number ${match[1]!}`;
      const guard = called?.startsWith('bpf_')
        ? ` Call it only where \`bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_${called.slice(4)})\` says that it is there, or do without it.`
        : '';
      return {
        message: `This kernel does not have ${name}: it is older than the helper, or was built without it.${guard}`,
      };
    },
  },
  {
    id: 'helper-not-allowed',
    title: 'Helper not allowed here',
    // Before 6.8 a helper that is known, and not to this type of program, is called unknown.
    pattern:
      /cannot use helper|helper call is not allowed|not allowed in (?!.*region)|program of this type|unknown func (?!unknown#)\w+#\d+/,
    about: 'Programs of this type may not call that helper; use another, or another program type.',
    explain: helper,
  },
];
