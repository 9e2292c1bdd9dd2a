/** Every finding of the language server beside clang's. docs/diagnostics.md is made from this table by `npm run docs`. */

export type Severity = 'error' | 'warning' | 'information' | 'hint';

export interface CheckKind {
  severity: Severity;
  title: string;
  /** What it means and why it matters, what to do. */
  about: string;
  /** True when a quick fix is offered. */
  fix: boolean;
}

const kind = (severity: Severity, title: string, about: string, fix = false): CheckKind => ({
  severity,
  title,
  about,
  fix,
});

export const checkKinds = {
  'unknown-section': kind(
    'warning',
    'libbpf does not know the section',
    'libbpf chooses program type and attachment by the name in `SEC()`. With a name that it does not know, nothing is attached by itself. Write one that it knows, or choose the target when attaching.',
    true,
  ),
  'incomplete-section': kind(
    'information',
    'The section names no target',
    'A tracepoint is `tp/CATEGORY/NAME`. With a part missing, the program loads but libbpf cannot attach it; that is right for one that is only called by `bpf_tail_call`.',
  ),
  'no-such-function': kind(
    'warning',
    'The kernel has no such function',
    'The function that the section names is not in the target kernel: misspelt, inlined, static and renamed by the compiler, or of another version. Attaching would fail.',
    true,
  ),
  'no-such-tracepoint': kind(
    'warning',
    'The kernel has no such tracepoint',
    'The tracepoint that the section names is not in the target kernel. Attaching would fail.',
    true,
  ),
  'no-such-hook': kind(
    'warning',
    'The kernel has no such hook',
    'The LSM hook, iterator or interface that the section names is not in the target kernel.',
    true,
  ),
  'wrong-context': kind(
    'warning',
    'The argument is not what programs of this section get',
    'The kernel passes a context of a type that belongs to the section. Reading it as another struct gives wrong values, or the verifier refuses the program.',
    true,
  ),
  'unknown-helper': kind(
    'warning',
    'The kernel has no such helper',
    'The target kernel is older than the helper. The program would not load; ask with `bpf_core_enum_value_exists` before the call, or use another helper.',
  ),
  'helper-not-allowed': kind(
    'warning',
    'Programs of this type may not call the helper',
    'Each program type has its own list of helpers. The verifier refuses the program.',
  ),
  'gpl-only-helper': kind(
    'warning',
    'The helper is for GPL programs only',
    'The kernel offers this helper only to programs whose licence is compatible with the GPL (`GPL`, `GPL v2`, `Dual BSD/GPL`, `Dual MIT/GPL`, `Dual MPL/GPL`). The verifier refuses the program.',
    true,
  ),
  'missing-license': kind(
    'warning',
    'The program states no licence',
    'Without `char LICENSE[] SEC("license")` the kernel takes the program for proprietary: helpers for GPL programs are refused, and most tracing programs do not load.',
    true,
  ),
  'map-without-type': kind(
    'warning',
    'The map has no type',
    'A map definition needs `__uint(type, BPF_MAP_TYPE_…)`.',
    true,
  ),
  'unknown-map-type': kind(
    'warning',
    'There is no such map type',
    'The constant is not one of the kernel that this is written for.',
    true,
  ),
  'map-missing-field': kind(
    'warning',
    'The map lacks a field that its type needs',
    'Maps of this type cannot be created without it.',
    true,
  ),
  'map-extra-field': kind(
    'warning',
    'Maps of this type have no such field',
    'The kernel refuses a map of this type that has a key, a value or a number of entries where it has none.',
    true,
  ),
  'map-key-size': kind(
    'warning',
    'Keys of this map type have another size',
    'The kernel insists on 4 bytes: an index, a file descriptor.',
    true,
  ),
  'map-value-size': kind(
    'warning',
    'Values of this map type have another size',
    'The kernel insists on that many bytes.',
    true,
  ),
  'map-missing-flag': kind(
    'warning',
    'Maps of this type need a flag',
    'The kernel creates maps of this type only with that flag.',
    true,
  ),
  'ring-size': kind(
    'warning',
    "The ring buffer's size is not a power of two of pages",
    'The size of a ring buffer has to be a power of two and a multiple of the page size. libbpf rounds it up, other loaders are refused.',
    true,
  ),
  'per-cpu-value': kind(
    'warning',
    'A value is too large for a per-CPU map',
    'Memory per CPU comes in pieces of at most 32 KiB, so a larger value cannot be made.',
  ),
  'type-not-on-all-hosts': kind(
    'warning',
    'A chosen host has no such type',
    'The program is written for several hosts, and the kernel of one has no such struct, union, enum or typedef: it does not compile there. Declare what you need of it under a name with a suffix (`struct NAME___any`, with `preserve_access_index`), which CO-RE takes for the same type, and ask with `bpf_core_type_exists` before it is used.',
  ),
  'field-not-on-all-hosts': kind(
    'warning',
    'A chosen host has no such field',
    'The kernel of one of the chosen hosts has the type without this field: renamed, moved to another struct, or not there yet. The quick fix declares the type with the field under a name with a suffix, which CO-RE takes for the same type, and reads it only where `bpf_core_field_exists` says that it is there. What is to be read instead is yours to add.',
    true,
  ),
  'value-not-on-all-hosts': kind(
    'warning',
    'A chosen host has no such constant',
    'The enumerator is missing in the kernel of one of the chosen hosts: what it stands for (a map type, a flag, a state) is newer than that kernel or gone from it. Ask with `bpf_core_enum_value_exists`, or do without it.',
  ),
  'target-not-on-all-hosts': kind(
    'warning',
    'A chosen host has nothing of that name to attach to',
    'The tracepoint, function or hook that the section names is in the kernel of the first chosen host, and missing in that of another: attaching fails there. A section that begins with `?` is loaded only where it is asked for.',
    true,
  ),
  'helper-not-on-all-hosts': kind(
    'warning',
    'A chosen host has no such helper or kfunc',
    'The program does not load on that host. Ask with `bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_…)` (helpers) or `bpf_ksym_exists` (kfuncs that are declared `__weak`) before the call, or use another.',
    true,
  ),
  'differs-between-hosts': kind(
    'information',
    'The chosen hosts do not agree on it',
    'A field has another type or size in the kernel of one of the chosen hosts, or an enumerator another value. A build for one host is wrong on the other; Ringside builds for each of its hosts.',
    true,
  ),
  'fixed-offset': kind(
    'warning',
    'The offset of a field is fixed, and differs between the chosen hosts',
    "The access is not relocated: the struct is declared in the source without `preserve_access_index`, or `offsetof` is asked. The offset is one of this build's headers, and on one of the chosen hosts the field lies elsewhere: what is read there is something else.",
    true,
  ),
  'stack-too-large': kind(
    'warning',
    'Local variables need more than the 512 bytes of stack',
    'A BPF program has 512 bytes of stack. Keep large values in a per-CPU array map with one entry, or in the ring buffer record itself.',
  ),
  'printk-left': kind(
    'hint',
    'bpf_printk is for debugging',
    'It writes to one buffer of the whole kernel, is slow, and anyone may read it. Use a ring buffer for what users are to see.',
  ),
} as const satisfies Record<string, CheckKind>;

export type CheckCode = keyof typeof checkKinds;

export interface Fix {
  title: string;
  edits: { start: number; end: number; text: string }[];
}

export interface Finding {
  code: CheckCode;
  start: number;
  end: number;
  message: string;
  fixes: Fix[];
}
