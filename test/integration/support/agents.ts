/** Processes of agents that descend from this test. */
import { readdirSync, readFileSync } from 'node:fs';

/** Agents that this test has seen running; others on the machine are nobody's business here. */
const ours = new Set<number>();

/** Pids with one of these names that descend from this process now, or did when they were seen first. */
function running(names: readonly string[]): number[] {
  const parents = new Map<number, number>();
  const found: number[] = [];
  for (const pid of readdirSync('/proc')
    .filter((p) => /^\d+$/.test(p))
    .map(Number)) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const end = stat.lastIndexOf(')');
      parents.set(pid, Number(stat.slice(end + 2).split(' ')[1]));
      if (names.includes(stat.slice(stat.indexOf('(') + 1, end))) found.push(pid);
    } catch {
      continue; // ended meanwhile
    }
  }
  const descends = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === process.pid || descends(parents.get(pid)));
  for (const pid of found) if (descends(pid)) ours.add(pid);
  return found.filter((pid) => ours.has(pid));
}

/** Workers: the processes that hold programs and maps. */
export const agents = (): number[] => running(['ringside-agent']);
export const supervisors = (): number[] => running(['ringside-superv']);
