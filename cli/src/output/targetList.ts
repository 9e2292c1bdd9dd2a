/** Targets for people: functions as C declarations, events with their fields, everything else as a table. */
import type { TargetArgument, TargetEntry, TargetKind, TargetListing } from '@ringside/core';
import { bold, dim, table, yellow } from '../terminal.ts';

/** Columns of the kinds that are shown as a table: title and detail. */
const columns: Partial<Record<TargetKind, [string, string][]>> = {
  iface: [['INDEX', 'ifindex'], ['TYPE', 'type'], ['MTU', 'mtu'], ['STATE', 'state'], ['DRIVER', 'driver'], ['MASTER', 'master'], ['ADDRESSES', 'addresses']],
  cgroup: [['PROCS', 'procs'], ['ID', 'id'], ['PATH', 'path']],
  process: [['PID', 'pid'], ['USER', 'user'], ['STATE', 'state'], ['CONTAINER', 'container'], ['COMMAND', 'command']],
  container: [['RUNTIME', 'runtime'], ['PROCS', 'processes'], ['COMMAND', 'command'], ['PIDS', 'pids'], ['CGROUP', 'cgroup']],
  uprobe: [['OFFSET', 'offset'], ['SIZE', 'size'], ['VERSION', 'version']],
}; // prettier-ignore

const numbers = new Set(['ifindex', 'mtu', 'procs', 'id', 'pid', 'processes', 'offset', 'size']);
/** Longest cell, so that a table stays one. --json has everything. */
const WIDEST = 60;

export function targetList({ kind, targets }: TargetListing): string {
  const shown = columns[kind];
  if (shown) return asTable(kind, targets, shown);
  if (kind === 'tracepoint') return targets.map(event).join('\n');
  return targets.map(kind === 'usdt' ? probe : declaration).join('\n');
}

function asTable(kind: TargetKind, targets: TargetEntry[], shown: [string, string][]): string {
  const used = shown.filter(([, detail]) => targets.some((target) => target.details[detail] !== undefined));
  const inFiles = kind === 'uprobe';
  const barred = targets.some((target) => target.unusable !== null);
  const header = [
    'NAME',
    ...used.map(([title]) => title),
    ...(inFiles ? ['FILE'] : []),
    ...(barred ? ['UNUSABLE'] : []),
  ];
  const rows = targets.map((target) => [
    target.name,
    ...used.map(([, detail]) => cut(target.details[detail] ?? '')),
    ...(inFiles ? [target.module] : []),
    ...(barred ? [target.unusable ?? ''] : []),
  ]);
  return table(header, rows, [false, ...used.map(([, detail]) => numbers.has(detail))]);
}

const cut = (text: string): string => (text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text);

/** `sched:sched_switch` and its fields as a program's context has them. */
function event(target: TargetEntry): string {
  const fields = (target.arguments ?? []).map(
    (field) =>
      `  ${dim(`${String(field.offset ?? '').padStart(4)} ${String(field.size ?? '').padStart(4)}`)}  ${declared(field)}`,
  );
  return [bold(target.name) + barred(target), ...fields].join('\n');
}

/** `shop:request(s32 arg1, u64 arg2)  /usr/bin/shop, 2 places`. */
function probe(target: TargetEntry): string {
  const places = target.details['sites'] === '1' ? '1 place' : `${target.details['sites'] ?? '?'} places`;
  const counted = target.details['semaphore'] === undefined ? '' : ', with semaphore';
  return `${bold(target.name)}(${list(target.arguments)})  ${dim(`${target.module}, ${places}${counted}`)}${barred(target)}`;
}

/** `ssize_t vfs_read(struct file *file, …)  [module]`. */
function declaration(target: TargetEntry): string {
  const { name, module, returns } = target;
  const returned = returns === null ? '' : `${returns === '' ? 'void' : returns}${returns.endsWith('*') ? '' : ' '}`;
  const parameters = target.arguments === null ? '' : `(${list(target.arguments)})`;
  return `${dim(returned)}${bold(name)}${parameters}${module === '' ? '' : dim(`  [${module}]`)}${barred(target)}`;
}

const barred = (target: TargetEntry): string => (target.unusable === null ? '' : yellow(`  ! ${target.unusable}`));

function list(parameters: TargetArgument[] | null): string {
  return (parameters ?? []).map(declared).join(', ');
}

/** The name in its place: `char comm[16]`, `int (*callback)(void *)`, `struct file *file`. */
export function declared({ name, type }: Pick<TargetArgument, 'name' | 'type'>): string {
  if (type === '') return name;
  const pointer = type.indexOf('(*)');
  if (pointer >= 0) return `${type.slice(0, pointer + 2)}${name}${type.slice(pointer + 2)}`;
  const array = /(\[\d*\])+$/.exec(type);
  if (array && !type.startsWith('__')) return `${type.slice(0, array.index)} ${name}${array[0]}`;
  return type.endsWith('*') ? type + name : `${type} ${name}`;
}
