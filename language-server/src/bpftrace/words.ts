/** What bpftrace offers, in our own words; names and meaning are those of its language reference (bpftrace 0.9 to 0.24). */

export interface Word {
  name: string;
  what: string;
}

const list = (text: string): Word[] =>
  text
    .trim()
    .split('\n')
    .map((line) => {
      const at = line.indexOf(' = ');
      return { name: line.slice(0, at).trim(), what: line.slice(at + 3).trim() };
    });

/** Types of probes, each with what follows its colon. */
export const probeTypes: readonly Word[] = list(`
tracepoint:CATEGORY:EVENT = A tracepoint of the kernel; its fields are args.NAME.
rawtracepoint:EVENT = A tracepoint with its raw arguments: arg0, arg1 …
kprobe:FUNCTION = The entry of a kernel function; arguments are arg0, arg1 …
kretprobe:FUNCTION = The return of a kernel function; its result is retval.
fentry:FUNCTION = The entry of a kernel function with typed arguments: args.NAME. Older name: kfunc.
fexit:FUNCTION = The return of a kernel function with typed arguments and retval. Older name: kretfunc.
kfunc:FUNCTION = The entry of a kernel function with typed arguments; newer versions call it fentry.
kretfunc:FUNCTION = The return of a kernel function with typed arguments; newer versions call it fexit.
uprobe:BINARY:FUNCTION = The entry of a function of a program or library.
uretprobe:BINARY:FUNCTION = The return of a function of a program or library.
usdt:BINARY:PROVIDER:PROBE = A static probe (USDT) of a program or library.
iter:OBJECT = An iterator over objects of the kernel: task, task_file, task_vma; each is ctx.
profile:hz:99 = So often a second on every processor.
interval:s:1 = So often on one processor.
software:EVENT:COUNT = A software event of perf: page-faults, context-switches …
hardware:EVENT:COUNT = A hardware event of perf: cache-misses, cycles …
watchpoint:ADDRESS:LENGTH:MODE = An access to memory.
BEGIN = Before anything is attached.
END = After everything is detached.
`);

export const builtins: readonly Word[] = list(`
pid = Process id (what the kernel calls tgid).
tid = Thread id (what the kernel calls pid).
uid = User id.
gid = Group id.
username = Name of the user.
nsecs = Nanoseconds since the machine started.
elapsed = Nanoseconds since bpftrace started.
cpu = Number of the processor.
numaid = Number of the NUMA node.
ncpus = How many processors there are.
comm = Name of the thread, 15 characters at most.
kstack = Stack in the kernel.
ustack = Stack in user space.
arg0 = First argument of a kprobe or uprobe; arg1 and so on are the next.
sarg0 = First argument on the stack, of languages that pass them there.
args = The fields of a tracepoint, or the typed arguments of fentry.
retval = What the function returns.
func = Name of the function that is traced.
probe = Full name of the probe.
curtask = Pointer to the current task_struct.
cgroup = Id of the current control group.
cpid = Process id of the command that was started by -c.
ctx = The context of the program; in iter the object.
rand = A random number.
jiffies = The kernel's own clock.
`);

export const functions: readonly Word[] = list(`
printf(format, …) = Prints as in C.
print(value) = Prints a value or a map.
printf_map = none
count() = Of a map: counts calls.
sum(n) = Of a map: adds up.
avg(n) = Of a map: the average.
min(n) = Of a map: the least.
max(n) = Of a map: the greatest.
stats(n) = Of a map: count, average and total.
hist(n) = Of a map: a histogram by powers of two.
lhist(n, min, max, step) = Of a map: a linear histogram.
clear(@map) = Takes every entry out of a map.
zero(@map) = Sets every value of a map to zero.
delete(@map, key) = Takes an entry out of a map.
len(value) = How many entries a map has, or frames a stack.
has_key(@map, key) = Whether a map has an entry.
str(pointer, length) = Reads a string of user or kernel space.
kstr(pointer) = Reads a string of the kernel.
buf(pointer, length) = Reads bytes.
kstack(frames) = Stack in the kernel, so many frames.
ustack(frames) = Stack in user space, so many frames.
ksym(address) = Name of a kernel address.
usym(address) = Name of an address of the process.
kaddr(name) = Address of a kernel symbol.
uaddr(name) = Address of a symbol of the binary.
reg(name) = A register.
ntop(address) = An IP address as text.
pton(text) = An IP address from text.
time(format) = Prints the time.
strftime(format, nsecs) = A time as text.
strerror(errno) = Name of an error.
strncmp(a, b, n) = Compares n characters of two strings; 0 when they are the same.
join(array) = Joins an array of strings and prints it.
cat(file) = Prints a file.
system(command) = Runs a command; needs --unsafe.
signal(name) = Sends a signal to the current process; needs --unsafe.
override(value) = Lets the function return a value without running; needs --unsafe.
cgroupid(path) = Id of a control group.
macaddr(bytes) = A MAC address as text.
path(pointer) = The full path of a struct path.
skboutput(file, skb, length, offset) = Writes a packet to a capture file.
nsecs(clock) = Time of another clock: monotonic, boot, tai, sw_tai.
sizeof(type) = Size of a type or value.
offsetof(type, field) = Where a field stands.
bswap(n) = The bytes of a number in the other order.
exit() = Ends the script.
`).filter(({ what }) => what !== 'none');

/** Short names of probes. */
export const aliases: ReadonlyMap<string, string> = new Map([
  ...[['t', 'tracepoint'] as const, ['rt', 'rawtracepoint'] as const, ['k', 'kprobe'] as const],
  ...[['kr', 'kretprobe'] as const, ['f', 'fentry'] as const, ['fr', 'fexit'] as const, ['u', 'uprobe'] as const],
  ...[['ur', 'uretprobe'] as const, ['U', 'usdt'] as const, ['it', 'iter'] as const],
  ...[['kfunc', 'fentry'] as const, ['kretfunc', 'fexit'] as const],
]);
