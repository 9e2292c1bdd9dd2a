/**
 * Names of the bits of words of flags, for fields whose name says which word it is. Only bits that are the same on every
 * architecture: what has no name here stays a number.
 */

const OPEN =
  '0 O_RDONLY 1 O_WRONLY 2 O_RDWR 0100 O_CREAT 0200 O_EXCL 0400 O_NOCTTY 01000 O_TRUNC 02000 O_APPEND 04000 O_NONBLOCK ' +
  '010000 O_DSYNC 020000 FASYNC 01000000 O_NOATIME 02000000 O_CLOEXEC 04010000 O_SYNC 010000000 O_PATH';
const PROTECTION = '0 PROT_NONE 1 PROT_READ 2 PROT_WRITE 4 PROT_EXEC';
const TCP = '1 FIN 2 SYN 4 RST 010 PSH 020 ACK 040 URG 0100 ECE 0200 CWR';
const CLONE =
  '0400 CLONE_VM 01000 CLONE_FS 02000 CLONE_FILES 04000 CLONE_SIGHAND 010000 CLONE_PIDFD 020000 CLONE_PTRACE ' +
  '040000 CLONE_VFORK 0100000 CLONE_PARENT 0200000 CLONE_THREAD 0400000 CLONE_NEWNS 01000000 CLONE_SYSVSEM ' +
  '02000000 CLONE_SETTLS 04000000 CLONE_PARENT_SETTID 010000000 CLONE_CHILD_CLEARTID 040000000 CLONE_UNTRACED ' +
  '0100000000 CLONE_CHILD_SETTID 0200000000 CLONE_NEWCGROUP 0400000000 CLONE_NEWUTS 01000000000 CLONE_NEWIPC ' +
  '02000000000 CLONE_NEWUSER 04000000000 CLONE_NEWPID 010000000000 CLONE_NEWNET 020000000000 CLONE_IO';

/** A field's name (in lower case), the bytes that it has, and its bits. */
const SETS: { name: RegExp; sizes: number[]; bits: Record<string, string> }[] = [
  { name: /^(open_?flags|o_?flags|f_flags)$/, sizes: [4], bits: bitsOf(OPEN) },
  { name: /^prot$/, sizes: [4, 8], bits: bitsOf(PROTECTION) },
  { name: /^tcp_?flags$/, sizes: [1, 2], bits: bitsOf(TCP) },
  { name: /^clone_?flags$/, sizes: [4, 8], bits: bitsOf(CLONE) },
];

/** Octal numbers and names in turn. */
function bitsOf(words: string): Record<string, string> {
  return Object.fromEntries(
    Array.from(words.matchAll(/(\d+) (\w+)/g), (match) => [String(parseInt(match[1]!, 8)), match[2]!]),
  );
}

/** Names by value (decimal) for a field of that name and size; undefined for what is no known word of flags. */
export function flagSetOf(name: string, size: number): Record<string, string> | undefined {
  return SETS.find((set) => set.name.test(name) && set.sizes.includes(size))?.bits;
}

/** True for an enum whose members are meant to be combined: three and more of them, each one bit. */
export function combines(values: readonly bigint[]): boolean {
  const bits = values.filter((value) => value !== 0n);
  return new Set(bits).size >= 3 && bits.every((value) => value > 0n && (value & (value - 1n)) === 0n);
}
