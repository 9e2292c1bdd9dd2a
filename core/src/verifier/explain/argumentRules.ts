/** Arguments of the wrong kind, kernel structs, pointer arithmetic, and what is refused before or beside the paths. */
import { replaceIn, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import type { Place } from './program.ts';
import { cause, type Explanation, type Rule } from './rule.ts';
import { argumentsOf, assignedName, expressionAt } from './sourceText.ts';
import { capitalize, list } from './words.ts';

const kinds: Record<string, string> = {
  scalar: 'a plain number',
  inv: 'a plain number',
  fp: 'a pointer to the stack',
  pkt: 'a pointer into the packet',
  pkt_meta: "a pointer to the packet's metadata",
  pkt_end: 'the end of the packet',
  map_key: 'a pointer to a map key',
  map_value: 'a pointer to a map value',
  map_ptr: 'a map',
  mem: 'a pointer to memory of known size',
  ringbuf_mem: 'a ring-buffer record',
  buf: 'a buffer',
  ctx: 'the context',
  sock: 'a socket',
  sock_common: 'a socket',
  tcp_sock: 'a TCP socket',
  func: 'a function',
};

/** "scalar" in words; kernel structs by name. */
function kindWords(type: string): string {
  const plain = type.replace(/_or_null$/, '').replace(/^(?:rdonly|user|percpu|rcu|trusted|untrusted)_/, '');
  const struct = /^(?:\w+_)?ptr_(\w*)$/.exec(plain);
  if (struct) return struct[1] ? `a pointer to struct ${struct[1]}` : 'a pointer to a kernel struct';
  return kinds[plain] ?? plain;
}

const ordinals = ['', 'first', 'second', 'third', 'fourth', 'fifth'];

function wrongKind(failure: Failure, match: RegExpExecArray): Explanation | null {
  const parts = /R(\d+) type=(\S+) expected=(.*)$/.exec(match.input);
  if (!parts || failure.at < 0) return null;
  const register = Number(parts[1]);
  const called = failure.called();
  const given = argumentsOf(failure.place.text, called)?.[register - 1];
  const wanted = [
    ...new Set(
      parts[3]!
        .split(/,\s*/)
        .filter((t) => t !== '')
        .map(kindWords),
    ),
  ];
  const named = failure.name(failure.at, register);
  return {
    message: `The ${ordinals[register] ?? ''} argument of ${called || 'the function'}(), ${given ? `\`${given}\`` : named.text}, is ${kindWords(parts[2]!)}; it has to be ${list(wanted.slice(0, 4))}.`,
    causes: [
      named.origin.source.kind === 'load' || named.origin.source.kind === 'call'
        ? cause(named.place, 'The value comes from here.')
        : null,
    ],
  };
}

function arithmetic(failure: Failure, match: RegExpExecArray): Explanation | null {
  if (failure.at < 0) return null;
  const operator = /with (\S+) operator|bitwise operator (\S+) on/.exec(match.input);
  const text = failure.path.text(failure.at);
  const register = Number(/R(\d+)/.exec(match.input)?.[1] ?? /^\([0-9a-f]{2}\) [rw](\d+) \S+= /.exec(text)?.[1] ?? NaN);
  if (Number.isNaN(register)) return null;
  const named = failure.name(failure.at, register);
  const op = operator?.[1] ?? operator?.[2] ?? /^\([0-9a-f]{2}\) [rw]\d+ (\S+=) /.exec(text)?.[1];
  const written = assignedName(failure.place.text);
  const again = written !== '' && failure.place.text.split(written).length > 2;
  const subject = named.expression === '' && again ? `\`${written}\`` : capitalize(named.text);
  return {
    message: `${subject} is a pointer${op ? `, and \`${op.replace(/=$/, '')}\` cannot be done with one` : ', and this cannot be done with one'}: only adding or subtracting a bounded number is allowed. Calculate with numbers first, and add the result to the pointer once.`,
  };
}

/** "int count(…)" → "static int count(…)". */
function makeStatic(failure: Failure, place: Place, name: string): Fix | null {
  const file = failure.program.file(place);
  for (let line = place.line; file && line > 0; line--) {
    const text = file.line(line);
    if (!new RegExp(`^(?!static\\b)\\w.*\\b${name}\\s*\\(`).test(text)) continue;
    return { title: `Make ${name}() static`, edits: [replaceIn(file, line, 1, 1, 'static ')] };
  }
  return null;
}

/** The type of map that a helper is made for. */
function wantedMap(called: string): string {
  const type = /ringbuf/.test(called)
    ? 'BPF_MAP_TYPE_RINGBUF'
    : /perf_event/.test(called)
      ? 'BPF_MAP_TYPE_PERF_EVENT_ARRAY'
      : /redirect_map/.test(called)
        ? 'BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_CPUMAP or BPF_MAP_TYPE_XSKMAP'
        : '';
  return type === ''
    ? 'Give it a map of the type that it is made for.'
    : `It needs a map whose type is ${type}: declare one, or call the helper for this type of map.`;
}

export const argumentRules: readonly Rule[] = [
  {
    id: 'wrong-map-type',
    title: 'Helper does not work on this type of map',
    pattern: /cannot pass map_type (\d+) into func (\w+)#/,
    about:
      'Each map helper works on certain types of map only: bpf_ringbuf_…() on ring buffers, bpf_perf_event_output() on perf event arrays.',
    explain: (failure, match) => {
      const map = failure.register(1)?.map || failure.mapName(failure.at, 1);
      const types: Record<string, string> = {
        '1': 'hash',
        '2': 'array',
        '3': 'program array',
        '4': 'perf event array',
        '5': 'per-CPU hash',
        '6': 'per-CPU array',
        '27': 'ring buffer',
      };
      const type = types[match[1]!] ?? `of type ${match[1]!}`;
      return {
        message: `${match[2]!}() does not work on ${map ? `\`${map}\`` : 'this map'}, which is ${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type} map. ${wantedMap(match[2]!)}`,
      };
    },
  },
  {
    id: 'map-access-not-allowed',
    title: 'Map cannot be used this way',
    pattern:
      /map_type \d+ .*(?:not|is)|cannot be used with (?:this )?map|prog array|sleepable programs can only use|map.*not allowed|cross compartment/,
    about: 'This type of map cannot be used by this type of program, or not in this way.',
  },
  {
    id: 'global-function-argument',
    title: 'Argument of a global function',
    pattern:
      /Caller passes invalid args into func|arg#\d+ .*(?:global|reference type|must be)|Func#\d+ .*not safe|Arg#\d+ type \w+ in \w+\(\) is not supported|Global function .* doesn't return scalar/,
    about:
      'Global (non-static) functions are verified by themselves, for every argument of their types: pointers may be NULL there, and only pointers to types of known size are taken.',
    explain: (failure, match) => {
      const [, number, type, name] = /Arg#(\d+) type (\w+) in (\w+)\(\) is not supported/.exec(match.input) ?? [];
      if (name === undefined) return null;
      const place = failure.program.ofFunction(name);
      return {
        message: `${name}() is a global function, and this kernel takes ${type === 'PTR' ? 'no pointers' : 'no such values'} as arguments of one (argument ${Number(number) + 1}). Make it static: then it is verified as a part of its callers.`,
        ...(place && { place, fixes: [makeStatic(failure, place, name)] }),
      };
    },
  },
  {
    id: 'format-string',
    title: 'Format string not valid',
    pattern: /[Ii]nvalid format string|fmt .*invalid|invalid fmt|format string/,
    about:
      'The formats of bpf_printk() and bpf_snprintf() know %d %i %u %x %ld %llu %s %p and a few more, and need one argument for each; the format has to be a constant.',
    explain: (failure) => {
      const called = failure.called() || 'This helper';
      return {
        message: `${called}() does not understand its format string. It knows %c %d %i %u %x (with l or ll), %s, %p, %pks, %pus, %pI4 and %pI6, with one argument for each; nothing else.`,
      };
    },
  },
  {
    id: 'wrong-argument',
    title: 'Argument of the wrong kind',
    pattern:
      /type=\S+ expected=|arg#?\d+ .*(?:expected|must|doesn't)|expected pointer|expects pointer|must be a (?:known )?constant|must have (?:zero|a)/,
    about:
      'The helper wants another kind of value there: a pointer to a map value, to the stack, to the context, or a constant.',
    explain: wrongKind,
  },
  {
    id: 'struct-write',
    title: 'Kernel struct is read-only',
    pattern: /only read is supported/,
    about: 'Fields of kernel structs can be read, not written; a few can be set by helpers or kfuncs.',
    explain: (failure) => {
      const expression = expressionAt(failure.place.text, failure.place.column);
      return {
        message: `${expression ? `\`${expression}\`` : 'This field'} belongs to the kernel and can only be read. What programs may change, they change through helpers and kernel functions.`,
      };
    },
  },
  {
    id: 'struct-access',
    title: 'No such part of the kernel struct',
    pattern:
      /access beyond struct (\w+) at off (\d+) size (\d+)|cannot access ptr member|access beyond the end of member|can only access|tries to access .* struct|access (?:is )?not (?:aligned|allowed) to .*struct/,
    about:
      'The kernel struct behind the pointer has no field there; build against the vmlinux.h of this kernel, with CO-RE (preserve_access_index).',
    explain: (_failure, match) =>
      match[1] === undefined
        ? null
        : {
            message: `struct ${match[1]} of this kernel has nothing at byte ${match[2]!}: it is smaller. Read it through its own type from vmlinux.h, so that CO-RE finds the field.`,
          },
  },
  {
    id: 'pointer-comparison',
    title: 'Pointers compared',
    pattern: /pointer comparison prohibited|pointer.*comparison/,
    about: 'Two pointers into different objects cannot be compared, except with NULL and with the end of the packet.',
  },
  {
    id: 'pointer-arithmetic',
    title: 'Calculation with a pointer',
    pattern: /pointer arithmetic|prohibited|bitwise operator|pointer.*subtraction|math between .* pointer/,
    about:
      'The verifier follows only sums of a pointer and a bounded number; calculate the number first, and add it once.',
    explain: arithmetic,
  },
  {
    id: 'misaligned-access',
    title: 'Access not aligned',
    pattern: /misaligned/,
    about:
      'The address is not a multiple of the size that is read or written; read smaller pieces, or copy with __builtin_memcpy().',
  },
  {
    id: 'invalid-arithmetic',
    title: 'Impossible calculation',
    pattern: /div by zero|invalid shift|BPF_END uses|division by 0/,
    about: 'A constant division by zero, or a shift by more bits than the value has.',
  },
  {
    id: 'attach-target',
    title: 'Nothing to attach to',
    pattern:
      /attach_btf_id|is not a (?:function|raw tracepoint|modifiable)|func '\w+' (?:arg\d+|doesn't have)|is not modifiable|Invalid (?:attach|btf)|The address of function \w+ cannot be found/,
    about:
      'The kernel function or hook that the section names does not exist, has no such argument, or cannot be attached to this way.',
  },
  {
    id: 'callback-unsupported',
    title: 'Callbacks are unknown to this kernel',
    pattern: /number of funcs in func_info doesn't match number of subprogs/,
    about:
      'The program passes a function to a helper (bpf_for_each_map_elem(), bpf_loop(), bpf_timer_set_callback() …), which kernels before Linux 5.13 do not know. Walk over the elements in user space, or unroll the loop.',
  },
  {
    id: 'callback-misuse',
    title: 'Callback not allowed here',
    pattern: /callback/,
    about: 'A helper takes a static function as callback, with the arguments that it documents.',
  },
  {
    id: 'program-type-unsupported',
    title: 'Program type not supported',
    pattern: /unrecognized bpf program type|not supported (?:prog|program) type|prog(?:ram)? type \S+ not supported/,
    about: 'This kernel does not know the type of program, or was built without it.',
  },
];
