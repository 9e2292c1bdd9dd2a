/** Names like one that does not exist. */
import { editDistance } from '@ringside/core/bpf';

/** The nearest names, best first; none when nothing is near. */
export function nearest(wanted: string, known: Iterable<string>, count = 3): string[] {
  const limit = Math.max(1, Math.floor(wanted.length / 4)) + 1;
  const found: { name: string; distance: number }[] = [];
  for (const name of known) {
    const distance = swapped(wanted, name) ? 1 : editDistance(wanted, name, limit);
    if (distance < limit) found.push({ name, distance });
  }
  found.sort((a, b) => a.distance - b.distance || a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
  return found.slice(0, count).map(({ name }) => name);
}

/** True when two neighbouring letters have changed places: the commonest slip. */
function swapped(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2);
}
