import { expect, test } from 'vitest';
import { hostsOf, isTaskAttributes, taskArguments } from './taskCommand.ts';
import type { TaskSettings } from './taskCommand.ts';

const settings: TaskSettings = { transport: 'auto', sudo: 'auto', ephemeral: false, readOnlyHosts: [] };

test('a task is the command that a person would type', () => {
  const task = { task: 'verify', file: 'src/a.bpf.c', args: ['--program', 'one'] } as const;
  expect(taskArguments({ ...task, args: [...task.args] }, 'web-1', settings)).toEqual([
    ...['verify', 'src/a.bpf.c', '--host', 'web-1', '--program', 'one'],
  ]);
});

test('the settings of the editor hold for tasks too', () => {
  const own: TaskSettings = {
    ...{ configFile: '/etc/ours', transport: 'openssh', sudo: 'never', ephemeral: true, readOnlyHosts: ['prod-*'] },
  };
  const task = { task: 'build', file: 'a.bpf.c' } as const;
  const always = ['--ssh-config', '/etc/ours', '--transport', 'openssh', '--sudo', 'never', '--ephemeral'];
  expect(taskArguments(task, 'web-1', own)).toEqual(['build', 'a.bpf.c', '--host', 'web-1', ...always]);
  expect(taskArguments(task, 'web-1, prod-2', own).slice(-1)).toEqual(['--read-only']);
});

test('a file whose name begins with a dash is no option', () => {
  expect(taskArguments({ task: 'build', file: '--sudo.bpf.c' }, 'local', settings)[1]).toBe('./--sudo.bpf.c');
});

test('its own hosts come first, then the chosen one, then this machine', () => {
  const task = { task: 'verify', file: 'a.bpf.c' } as const;
  expect(hostsOf({ ...task, host: ['a', 'b'] }, 'web-1')).toBe('a,b');
  expect(hostsOf({ ...task, host: 'a, b' }, 'web-1')).toBe('a, b');
  expect(hostsOf({ ...task, host: '' }, 'web-1')).toBe('web-1');
  expect(hostsOf(task, undefined)).toBe('local');
});

test.each([
  {},
  { task: 'build' },
  { task: 'attach', file: 'a.bpf.c' },
  { task: 'build', file: 7 },
  { task: 'build', file: '' },
  { task: 'build', file: 'a.bpf.c', host: [1] },
  { task: 'build', file: 'a.bpf.c', args: '--sudo always' },
])('%j of tasks.json is no task', (definition) => expect(isTaskAttributes(definition)).toBe(false));
