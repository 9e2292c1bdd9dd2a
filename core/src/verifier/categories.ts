/** What a verifier's message means: a category, a title and a sentence that says what the program must do instead. */

export interface Category {
  category: string;
  title: string;
  /** One plain sentence: why it was refused and what helps. */
  message: string;
}

interface Rule extends Category {
  pattern: RegExp;
}

const rule = (pattern: RegExp, category: string, title: string, message: string): Rule => ({
  pattern,
  category,
  title,
  message,
});

/** First match wins: special wordings stand before general ones. Wordings are those of Linux 5.10 to 7.3. */
const rules: readonly Rule[] = [
  rule(
    /CO-RE relocation|invalid func unknown#195896080|call unknown#195896080/,
    'core-relocation',
    'Field or type missing on this kernel',
    'The program reads a kernel field or type that this kernel does not have; guard it with bpf_core_field_exists() or bpf_core_type_exists().',
  ),
  rule(
    /(?:invalid mem access|pointer arithmetic on|type=)\s*'?(?:\w*_or_null)|R\d+ pointer arithmetic on \w+_or_null/,
    'null-pointer',
    'Pointer may be null',
    'The pointer can be null here; compare it with NULL before you use it.',
  ),
  rule(
    /invalid access to packet|offset is outside of the packet|max value is outside of the allowed memory range.*pkt/,
    'packet-out-of-bounds',
    'Access outside the packet',
    'The bytes are read before it was checked that the packet has them; compare the end of the access with data_end first.',
  ),
  rule(
    /invalid bpf_context access|dereference of modified ctx ptr|variable ctx access|negative offset ctx ptr/,
    'context-out-of-bounds',
    'Access outside the context',
    'The context of this program type has no readable field at that offset; use the fields of its context struct, directly from the context pointer.',
  ),
  rule(
    /(?:invalid (?:variable-offset )?(?:indirect )?(?:unbounded )?(?:variable-offset )?(?:read|write|access)(?: to| from)? stack|invalid stack type|invalid zero-sized read.*stack|stack.*out of bounds)(?!.*\boff -?\d+\+\d+ size)/,
    'stack-out-of-bounds',
    'Access outside the stack array',
    'The index can point outside the array on the stack; bound it (with a comparison or a mask) to less than the size of the array.',
  ),
  rule(
    /invalid (?:indirect )?read from stack (?:R\d+ )?off -?\d+\+\d+ size/,
    'uninitialized-stack',
    'Uninitialised bytes on the stack',
    'Bytes that were never written are read or passed to a helper; initialise the whole variable, padding included (= {} or memset).',
  ),
  rule(
    /!read_ok|Register R\d+ is uninit|read_ok|has never been initialized/,
    'uninitialized-register',
    'Uninitialised value',
    'A value is used that was not set on this path; initialise the variable, or return a value on every path.',
  ),
  rule(
    /Unreleased reference|reference leak|would lead to reference leak|unlock.*missing|BPF_EXIT instruction.*cannot be used inside/,
    'unreleased-reference',
    'Resource not released',
    'On this path the program ends while it still holds something it took (a ring-buffer record, socket, lock …); release, submit or discard it on every path.',
  ),
  rule(
    /infinite loop detected|back-edge|too many states|loop.*not bounded/,
    'unbounded-loop',
    'Loop without a bound',
    'The verifier cannot see that this loop ends; give it a constant upper bound, or use bpf_loop() or bpf_for().',
  ),
  rule(
    /BPF program is too large|too complex|too many subprogs|jumps is too complex|program is too large|cannot be verified.*complex/,
    'too-complex',
    'Program too complex',
    'The verifier gave up before it had followed every path; make loops shorter, move code into global functions, or use bpf_loop().',
  ),
  rule(
    /combined stack size|stack size|stack depth.*exceeds|looks like the BPF stack limit|stack limit/i,
    'stack-too-large',
    'Too much stack',
    'A call chain may use 512 bytes of stack; move large variables into a per-CPU array map or the ring-buffer record.',
  ),
  rule(
    /GPL-restricted|GPL compatible|from non-GPL/,
    'gpl-only',
    'Needs a GPL-compatible licence',
    'The helper may only be called by programs whose licence is GPL compatible; set char LICENSE[] SEC("license") = "GPL" or "Dual MIT/GPL".',
  ),
  rule(
    /(?:cannot use helper|unknown func|invalid func|helper call is not allowed|calling kernel function .* is not allowed|not allowed in)/,
    'helper-not-allowed',
    'Helper not allowed here',
    'Programs of this type, or this kernel, do not have that helper or kernel function; use another, or another program type.',
  ),
  rule(
    /At program exit the register R0|R0 leaks addr as return value|should have been in|return value.*invalid|At async callback the register R0|At subprogram exit/,
    'invalid-return',
    'Return value not allowed',
    'Programs of this type may return certain values only; return one of those on every path.',
  ),
  rule(
    /invalid access to (?:map|memory|mem)|invalid access to map value|outside of the allowed memory range|outside of the map value|unbounded (?:min|max|memory)|make sure to bounds check|value is outside of|min value is outside|invalid access to .*buffer/,
    'map-value-out-of-bounds',
    'Access outside the value',
    'The offset can point outside the memory behind the pointer (a map value, a ring-buffer record …); check the index against its size first.',
  ),
  rule(
    /min value is negative|unbounded memory access|zero-size|zero size|R\d+ invalid .*size|invalid .*mem_size/,
    'unbounded-size',
    'Size not bounded',
    'The size passed to the helper can be negative or too large; make it unsigned and bound it (with a comparison or a mask) by the size of the buffer.',
  ),
  rule(
    /type=\S+ expected=|arg#?\d+ .*(?:expected|must|doesn't)|expected pointer|expects pointer|must be a (?:known )?constant|must have (?:zero|a)|Possibly NULL pointer passed/,
    'wrong-argument',
    'Argument of the wrong kind',
    'The helper wants another kind of value here (a pointer to a map value, to the stack, to the context, a constant …).',
  ),
  rule(
    /invalid mem access|R\d+ (?:is a|has) .*(?:scalar|inv)\b.*(?:dereference|access)|cannot dereference/,
    'invalid-access',
    'Pointer that cannot be read directly',
    'This value is a plain number to the verifier, not a pointer that it knows; read through it with bpf_probe_read_kernel(), bpf_probe_read_user() or BPF_CORE_READ().',
  ),
  rule(
    /pointer arithmetic|prohibited|bitwise operator|pointer.*(?:comparison|subtraction)|math between .* pointer/,
    'pointer-arithmetic',
    'Pointer arithmetic not allowed',
    'The verifier follows only simple sums of a pointer and a bounded number; compute the index first and add it once.',
  ),
  rule(
    /leaks addr|pointer leak|attempt to corrupt spilled pointer|leak pointer/,
    'pointer-leak',
    'Kernel address would leak',
    'The program would hand a kernel address to user space, which it lacks the right to do.',
  ),
  rule(
    /unreachable insn|jump out of range|last insn is not an exit|invalid BPF_LD_IMM64|unknown opcode|invalid insn/,
    'malformed-program',
    'Code that the kernel does not take',
    'The instructions are not a program for this kernel; it may be built for a newer one (try -mcpu=v2 or v3), or a function ends without return.',
  ),
];

/** The category of a rejection by what the kernel said, in its own words. */
export function categorize(messages: readonly string[]): Category {
  for (const text of [...messages].reverse()) {
    const found = rules.find((r) => r.pattern.test(text));
    if (found) return { category: found.category, title: found.title, message: found.message };
  }
  return { category: 'unknown', title: 'Rejected by the verifier', message: '' };
}
