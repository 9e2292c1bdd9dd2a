// What a tier of tests may not leave behind: processes, BPF objects, pins, mounts, temporary folders, interfaces.
// A snapshot before, another after; what is new and ours is a leak.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture, Failure } from './run.mjs';
import { readMounts } from './setup.mjs';

/** Every process that a test starts inherits this variable; its value names the tier's run. */
export const markerVariable = 'RINGSIDE_TEST_RUN';

/** Names of processes that sudo and sshd start with a clean environment, without the marker. */
const ourNames = ['ringside-agent'];

/**
 * @typedef {object} Snapshot
 * @property {Map<string, string>} things key → description, for all that is compared
 * @property {Set<number>} pids every process that was there
 */

/** @param {number} pid @param {string} file */
function readProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it ended meanwhile, or is a kernel thread
  }
}

const allPids = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** Processes that carry the marker. @param {string} marker @returns {number[]} */
export function markedProcesses(marker) {
  const wanted = `${markerVariable}=${marker}`;
  return allPids().filter((pid) => pid !== process.pid && readProc(pid, 'environ').split('\0').includes(wanted));
}

const isOurs = (pid) => ourNames.includes(readProc(pid, 'comm').trim());
const describe = (pid) =>
  `process ${pid}: ${readProc(pid, 'cmdline').replaceAll('\0', ' ').trim().slice(0, 140) || readProc(pid, 'comm').trim()}`;
const isZombie = (pid) => /^State:\s+Z/m.test(readProc(pid, 'status'));

/**
 * bpftool's lists without what is not ours: its own helpers, systemd's programs, what a process that was there
 * before still holds.
 * @param {'prog' | 'map' | 'link'} kind
 * @param {unknown} list the parsed output of `bpftool -j KIND show`
 * @param {Set<number>} earlier
 * @returns {[string, string][]}
 */
export function foreignFree(kind, list, earlier) {
  if (!Array.isArray(list)) return [];
  return list
    .filter((entry) => !/^(sd_|pid_iter|libbpf_|test$|dumper)/.test(entry.name ?? ''))
    .filter(
      (entry) =>
        !Array.isArray(entry.pids) ||
        entry.pids.length === 0 ||
        !entry.pids.every((holder) => earlier.has(holder.pid) || holder.comm === 'bpftool'),
    )
    .map((entry) => [
      `${kind} ${entry.id}`,
      `BPF ${kind} ${entry.id} ${entry.type ?? ''} ${entry.name ?? ''}`.trimEnd(),
    ]);
}

/** @param {Set<number>} earlier */
function bpfObjects(earlier) {
  return ['prog', 'map', 'link'].flatMap((kind) => {
    const answer = capture('bpftool', ['-j', kind, 'show']);
    if (answer.code !== 0)
      throw new Failure(
        `bpftool cannot list BPF ${kind}s: ${answer.err || answer.out}`,
        'Install bpftool and run the tests as root.',
      );
    return foreignFree(kind, JSON.parse(answer.out || '[]'), earlier);
  });
}

/** Pins in bpffs; its folders count too. */
function pins(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return [[`pin ${path}`, `pin ${path}`], ...(entry.isDirectory() ? pins(path) : [])];
  });
}

/** Probes that were made through tracefs: the kernel keeps them when their maker dies. */
function traceProbes() {
  return ['kprobe_events', 'uprobe_events'].flatMap((name) => {
    const file = join('/sys/kernel/tracing', name);
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [`${name} ${line}`, `probe in ${name}: ${line}`]);
  });
}

/** The first `ip netns add` after a boot mounts it on itself, for good; a namespace that is left is a mount below it. */
const NAMESPACES = '/run/netns';

/**
 * @param {string} marker
 * @param {Snapshot} [before] when given, its processes are known not to be ours
 * @returns {Snapshot}
 */
export function snapshot(marker, before) {
  const pids = new Set(allPids());
  const ours = [...new Set([...markedProcesses(marker), ...[...pids].filter(isOurs)])].filter((pid) => !isZombie(pid));
  const temporary = readdirSync(tmpdir()).filter((name) => name.startsWith('ringside-'));
  const things = new Map([
    ...ours.map((pid) => [`pid ${pid}`, describe(pid)]),
    ...bpfObjects(before?.pids ?? pids),
    ...pins('/sys/fs/bpf'),
    ...traceProbes(),
    ...readMounts()
      .filter(({ folder }) => folder !== NAMESPACES)
      .map(({ type, folder }) => [`mount ${folder}`, `mount of ${type} on ${folder}`]),
    ...temporary.map((name) => [`temp ${name}`, `temporary ${join(tmpdir(), name)}`]),
    ...readdirSync('/sys/class/net').map((name) => [`net ${name}`, `network interface ${name}`]),
  ]);
  return { things, pids };
}

/** What is in `after` and was not in `before`. @param {Snapshot} before @param {Snapshot} after @returns {string[]} */
export function newThings(before, after) {
  return [...after.things].filter(([key]) => !before.things.has(key)).map(([, description]) => description);
}

/**
 * Looks until nothing is left or the time is up: the kernel frees programs some moments after their last user.
 * @param {string} marker
 * @param {Snapshot} before
 * @param {number} [patience] ms
 * @returns {Promise<string[]>} what is left, described
 */
export async function findLeaks(marker, before, patience = 10_000) {
  for (let waited = 0; ; waited += 500) {
    const left = newThings(before, snapshot(marker, before));
    if (left.length === 0 || waited >= patience) return left;
    await sleep(500);
  }
}

/** Ends the processes that carry the marker, one by one by pid, so that one tier's leak does not disturb the next. */
export async function endMarked(marker) {
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    const pids = markedProcesses(marker).filter((pid) => !isZombie(pid));
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, signal);
      } catch {
        // ended between looking and signalling
      }
    }
    await sleep(1500);
  }
}
