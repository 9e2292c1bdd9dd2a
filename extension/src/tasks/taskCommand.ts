/** A `ringside` task as the command that it runs. */
import type { SshOptions } from '@ringside/core/rpc';
import { isReadOnly } from '@ringside/core/rpc';
import { taskKinds } from '../contributions.ts';
import type { TaskAttributes } from '../contributions.ts';

/** What the editor's settings add to every task. */
export type TaskSettings = Pick<SshOptions, 'configFile' | 'transport' | 'sudo' | 'ephemeral' | 'readOnlyHosts'>;

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

/** Whether tasks.json says all that a task needs; it may hold anything. */
export function isTaskAttributes(value: object): value is TaskAttributes {
  const { task, file, host, args } = value as Record<string, unknown>;
  return (
    taskKinds.some((kind) => kind === task) &&
    typeof file === 'string' &&
    file !== '' &&
    (host === undefined || typeof host === 'string' || isTexts(host)) &&
    (args === undefined || isTexts(args))
  );
}

/** The hosts of a task: its own, else the chosen one, else this machine. */
export function hostsOf({ host }: TaskAttributes, chosen: string | undefined): string {
  const own = (Array.isArray(host) ? host : [host ?? '']).filter((each) => each.trim() !== '').join(',');
  return own === '' ? (chosen ?? 'local') : own;
}

/** Arguments of the `ringside` command. */
export function taskArguments(attributes: TaskAttributes, hosts: string, settings: TaskSettings): string[] {
  const { task, args = [] } = attributes;
  // A name that begins with a dash would be taken for an option.
  const file = attributes.file.startsWith('-') ? `./${attributes.file}` : attributes.file;
  const { configFile, transport, sudo, ephemeral, readOnlyHosts = [] } = settings;
  const readOnly = hosts.split(',').some((host) => isReadOnly({ readOnlyHosts }, host.trim()));
  return [
    ...[task, file, '--host', hosts],
    ...(configFile === undefined ? [] : ['--ssh-config', configFile]),
    ...(transport === 'auto' ? [] : ['--transport', transport]),
    ...(sudo === 'auto' ? [] : ['--sudo', sudo]),
    ...(ephemeral ? ['--ephemeral'] : []),
    ...(readOnly ? ['--read-only'] : []),
    ...args,
  ];
}
