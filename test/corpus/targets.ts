/** What programs are put on where they do not say it: an honest default, and in words. */
import type { AttachSpec, InspectReport, ProgramInfo } from '../../core/src/model/index.ts';
import type { Place } from './place.ts';

export interface ChosenTargets {
  targets: AttachSpec['targets'];
  /** By program: "iface=rsc0". */
  words: Map<string, string>;
  /** Programs that no default fits, with what they ask for. */
  asks: Map<string, string[]>;
  /** The program that stands in for the author's, with its functions; "" = none is needed. */
  standIn: string;
}

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
export function chooseTargets(report: InspectReport, place: Place, standInPath: string): ChosenTargets {
  const chosen: ChosenTargets = { targets: [], words: new Map(), asks: new Map(), standIn: '' };
  const symbols = new Set<string>();
  for (const program of report.programs) {
    const keys: Record<string, string> = {};
    const open: string[] = [];
    for (const key of program.needsTarget) {
      const value = defaultFor(key, program, report, place, { standInPath, symbols });
      if (value === null) open.push(key);
      else keys[key] = value;
    }
    if (open.length > 0) chosen.asks.set(program.name, open);
    for (const [key, value] of Object.entries(keys)) chosen.targets.push({ program: program.name, key, value });
    const words = Object.entries(keys).map(([key, value]) => `${key}=${value}`);
    if (words.length > 0) chosen.words.set(program.name, words.join(' '));
  }
  if (symbols.size > 0) chosen.standIn = standInSource([...symbols]);
  return chosen;
}

function defaultFor(
  key: string,
  program: ProgramInfo,
  report: InspectReport,
  place: Place,
  standIn: { standInPath: string; symbols: Set<string> },
): string | null {
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
      return 'malloc';
    case 'provider':
      return 'libc';
    case 'probe':
      return 'setjmp';
    case 'event':
      return program.attach === 'raw_tp' && program.inferred === '' ? 'sys_enter' : null;
    case 'map':
      return mapFor(program, report);
    default:
      return null; // which function, which program: only the author knows
  }
}

function binaryFor(
  program: ProgramInfo,
  { libraries }: Place,
  standIn: { standInPath: string; symbols: Set<string> },
): string | null {
  const symbol = program.given['symbol']?.replace(/\+.*$/, '');
  if (program.attach === 'usdt' || symbol === undefined || LIBC.has(symbol)) return libraries['libc'] ?? null;
  if (symbol === 'readline' && libraries['bash'] !== undefined) return libraries['bash'];
  if (/^SSL_/.test(symbol) && libraries['libssl'] !== undefined) return libraries['libssl'];
  standIn.symbols.add(symbol);
  return standIn.standInPath;
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

/** A program with these functions, called all the time: in place of the author's own, which is not in the folder. */
function standInSource(symbols: string[]): string {
  const functions = symbols.map(
    (symbol, i) => `long f${i}(long a, long b) __asm__("${symbol.replace(/[^\w.]/g, '_')}");
__attribute__((noinline)) long f${i}(long a, long b) { __asm__ volatile("" ::: "memory"); return a - b; }`,
  );
  const calls = symbols.map((_, i) => `f${i}(7, ${i});`).join(' ');
  return `#include <unistd.h>
#include <sys/prctl.h>
${functions.join('\n')}
int main(void) { alarm(120); for (;;) { ${calls} usleep(1000); } }
`;
}
