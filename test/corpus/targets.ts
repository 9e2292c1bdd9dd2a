/** What programs are put on where they do not say it: an honest default, and in words. */
import type { AttachSpec, InspectReport, ProgramInfo } from '../../core/src/model/index.ts';
import type { Place } from './place.ts';

export interface ChosenTargets {
  targets: AttachSpec['targets'];
  /** By program: "iface=rsc0". */
  words: Map<string, string>;
  /** Programs that ask for what only their author knows, with the keys; some get a likely function for the run. */
  asks: Map<string, string[]>;
  /** The program that stands in for the author's, with its functions; "" = none is needed. */
  standIn: string;
}

/** Keys that no kernel and no host can answer: which of all functions, which program, which kind. */
const AUTHORS = new Set(['func', 'program', 'section']);

/** What the activity calls all the time. */
const CALLED = new Set(['malloc', 'calloc', 'realloc', 'free', 'mmap', 'munmap', 'getenv']);

const LIBC = new Set([
  ...[
    'malloc',
    'calloc',
    'realloc',
    'free',
    'posix_memalign',
    'aligned_alloc',
    'memalign',
    'valloc',
    'pvalloc',
    'mmap',
  ],
  ...['munmap', 'getaddrinfo', 'gethostbyname', 'gethostbyname2', 'getpid', 'read', 'write', 'open', 'fopen', 'printf'],
  ...['puts', 'strlen', 'memcpy', 'setjmp', 'fork', 'execve', 'getenv', 'pthread_create', 'pthread_mutex_lock'],
  ...['pthread_mutex_trylock', 'pthread_mutex_init', 'pthread_mutex_unlock', 'time', 'sleep', 'strdup', 'realpath'],
]);

/** `standInPath` is where a stand-in binary will lie on the host. */
export async function chooseTargets(report: InspectReport, place: Place, standInPath: string): Promise<ChosenTargets> {
  const chosen: ChosenTargets = { targets: [], words: new Map(), asks: new Map(), standIn: '' };
  const symbols = new Set<string>();
  const probes = new Set<string>();
  for (const program of report.programs) {
    const asked = program.needsTarget.filter((key) => AUTHORS.has(key));
    if (asked.length > 0) chosen.asks.set(program.name, asked);
    const keys: Record<string, string> = program.attach === 'usdt' ? await usdtPlace(program, place, standInPath) : {};
    if (keys['binary'] === standInPath) probes.add(`${keys['provider']!}:${keys['probe']!}`);
    for (const key of program.needsTarget.filter((k) => !(k in keys))) {
      const value = await defaultFor(key, program, report, place, { standInPath, symbols });
      if (value !== null) keys[key] = value;
      else if (!asked.includes(key)) chosen.asks.set(program.name, [...(chosen.asks.get(program.name) ?? []), key]);
    }
    for (const [key, value] of Object.entries(keys)) chosen.targets.push({ program: program.name, key, value });
    const words = Object.entries(keys).map(([key, value]) => `${key}=${value}`);
    if (words.length > 0) chosen.words.set(program.name, words.join(' '));
  }
  if (symbols.size + probes.size > 0) chosen.standIn = standInSource([...symbols], [...probes]);
  return chosen;
}

async function defaultFor(
  key: string,
  program: ProgramInfo,
  report: InspectReport,
  place: Place,
  standIn: { standInPath: string; symbols: Set<string> },
): Promise<string | null> {
  switch (key) {
    case 'iface':
      return place.iface;
    case 'direction':
      return 'ingress';
    case 'cgroup':
      return place.cgroup === '' ? null : place.cgroup;
    case 'binary':
      return binaryFor(program, place, standIn);
    case 'symbol':
      return symbolOf(program.name);
    case 'func':
      return likelyFunction(program, place);
    case 'event':
      return program.attach === 'raw_tp' && program.inferred === '' ? 'sys_enter' : null;
    case 'map':
      return mapFor(program, report);
    default:
      return null; // which program, which section: only the author knows
  }
}

/** `free_enter` of a leak finder is for free(); what names no function of libc gets the one that everything calls. */
function symbolOf(program: string): string {
  const name = program
    .replace(/^(uprobe|uretprobe|probe|trace|handle)_+/, '')
    .replace(/_+(enter|entry|exit|return|ret)$/, '');
  return LIBC.has(name) && CALLED.has(name) ? name : 'malloc';
}

/** Functions of the file system that the activity works in, by what a placeholder (`dummy_file_read`) is named for. */
const LIKELY: readonly (readonly [RegExp, string[]])[] = [
  [/read/, ['_file_read_iter', 'generic_file_read_iter']],
  [/write/, ['_file_write_iter', 'generic_file_write_iter']],
  [/open/, ['_file_open', 'generic_file_open']],
  [/sync/, ['_sync_file', 'noop_fsync', 'vfs_fsync_range']],
  [/getattr/, ['_getattr', '_file_getattr', 'simple_getattr']],
];

async function likelyFunction(program: ProgramInfo, place: Place): Promise<string | null> {
  const placeholder = program.section.slice(program.section.indexOf('/') + 1);
  const names = LIKELY.find(([word]) => word.test(placeholder))?.[1] ?? ['vfs_read'];
  const candidates = names.flatMap((name) => (name.startsWith('_') ? [`shmem${name}`, `ext4${name}`] : [name]));
  const ordered = candidates.filter((name) => !name.startsWith(place.tmpfs ? 'ext4' : 'shmem'));
  const script = `for f in ${ordered.join(' ')}; do grep -q " [tTwW] $f$" /proc/kallsyms && echo $f && break; done; true`;
  const found = (await place.run(script).catch(() => '')).trim();
  return found === '' ? null : found;
}

function binaryFor(
  program: ProgramInfo,
  { libraries }: Place,
  standIn: { standInPath: string; symbols: Set<string> },
): string | null {
  const symbol = program.given['symbol']?.replace(/\+.*$/, '');
  if (symbol === undefined || LIBC.has(symbol)) return libraries['libc'] ?? null;
  if (symbol === 'readline' && libraries['bash'] !== undefined) return libraries['bash'];
  standIn.symbols.add(symbol);
  return standIn.standInPath;
}

/** The probe of the section, or libc's setjmp; on a stand-in where the host's binary has no probes, as Debian's libc. */
async function usdtPlace(program: ProgramInfo, place: Place, standInPath: string): Promise<Record<string, string>> {
  const [path = '', provider = '', probe = ''] = (program.target ?? '').split(':');
  const named = { provider: provider === '' ? 'libc' : provider, probe: probe === '' ? 'setjmp' : probe };
  const binary = path === '' || path === 'libc.so.6' ? (place.libraries['libc'] ?? path) : path;
  if (binary.startsWith('/') && (await hasProbe(place, binary, named.probe))) {
    return program.target === null ? { binary, ...named } : {};
  }
  return { binary: standInPath, ...named };
}

/** The notes of a binary hold its probes' names as text. */
async function hasProbe(place: Place, binary: string, probe: string): Promise<boolean> {
  const quoted = [binary, probe].map((text) => `'${text.replaceAll("'", "'\\''")}'`);
  const script = `grep -q stapsdt ${quoted[0]!} && grep -q ${quoted[1]!} ${quoted[0]!}`;
  return place.run(script).then(
    () => true,
    () => false,
  );
}

function mapFor(program: ProgramInfo, report: InspectReport): string | null {
  const wanted: Record<string, string[]> = {
    'xdp/devmap': ['devmap', 'devmap_hash'],
    'xdp/cpumap': ['cpumap'],
    iter: ['hash', 'array', 'percpu_hash', 'percpu_array', 'lru_hash', 'sk_storage', 'sockmap', 'sockhash'],
  };
  const types = wanted[program.attach] ?? ['sockmap', 'sockhash'];
  return report.maps.find((m) => types.includes(m.type))?.name ?? null;
}

/** A program with these functions and USDT probes, passed all the time: for the author's own, which is not in the folder. */
function standInSource(symbols: string[], probes: string[]): string {
  const functions = symbols.map(
    (symbol, i) => `long f${i}(long a, long b) __asm__("${symbol.replace(/[^\w.]/g, '_')}");
__attribute__((noinline)) long f${i}(long a, long b) { __asm__ volatile("" ::: "memory"); return a - b; }`,
  );
  const calls = symbols.map((_, i) => `f${i}(7, ${i});`);
  const passes = probes.map((probe) => `PROBE("${probe.replace(/[^\w:]/g, '_').replace(':', '", "')}");`);
  return String.raw`#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>
#ifdef __x86_64__
#define ARGUMENTS "8@%%rdi -4@%%esi 8@%%rdx"
#else
#define ARGUMENTS "8@x0 -4@x1 8@x2"
#endif
#define PROBE(provider, name) __asm__ volatile( \
  "990: nop\n.pushsection .note.stapsdt,\"\",\"note\"\n.balign 4\n.4byte 992f-991f,994f-993f,3\n" \
  "991: .asciz \"stapsdt\"\n992: .balign 4\n993: .8byte 990b\n.8byte _.stapsdt.base\n.8byte 0\n" \
  ".asciz \"" provider "\"\n.asciz \"" name "\"\n.asciz \"" ARGUMENTS "\"\n994: .balign 4\n.popsection\n" ::)
__asm__(".pushsection .stapsdt.base,\"a\",\"progbits\"\n_.stapsdt.base: .space 1\n.popsection");
${functions.join('\n')}
int main(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); alarm(120); for (;;) { ${[...calls, ...passes].join(' ')} usleep(1000); } }
`;
}
