import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { foreignFree, markedProcesses, markerVariable, newThings } from './lib/leaks.mjs';

test('a process that carries the marker is found, also as a grandchild, and only while it lives', async () => {
  const marker = `unit-${String(process.pid)}-${String(Date.now())}`;
  const child = spawn('sh', ['-c', 'sleep 30 & echo started; wait'], {
    env: { ...process.env, [markerVariable]: marker },
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  await once(child.stdout, 'data');
  expect(markedProcesses(marker)).toContain(child.pid);
  expect(markedProcesses(marker)).toHaveLength(2);
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await once(child, 'exit');
  await expect.poll(() => markedProcesses(marker)).toEqual([]);
});

test('BPF objects of systemd, of bpftool itself and of earlier processes are not ours', () => {
  const list = [
    { id: 1, name: 'sd_devices', type: 'cgroup_device' },
    { id: 2, name: 'pid_iter', type: 'tracing' },
    { id: 3, name: 'execsnoop', type: 'tracepoint', pids: [{ pid: 10, comm: 'other' }] },
    { id: 4, name: 'execsnoop', type: 'tracepoint', pids: [{ pid: 99, comm: 'ringside-agent' }] },
    { id: 5, name: 'pinned', type: 'xdp' },
  ];
  expect(foreignFree('prog', list, new Set([10]))).toEqual([
    ['prog 4', 'BPF prog 4 tracepoint execsnoop'],
    ['prog 5', 'BPF prog 5 xdp pinned'],
  ]);
  expect(foreignFree('link', { error: 'no' }, new Set())).toEqual([]);
});

test('what was there before is no leak', () => {
  const before = { things: new Map([['prog 1', 'one']]), pids: new Set<number>() };
  const after = {
    things: new Map([
      ['prog 1', 'one'],
      ['mount /x', 'mount of tmpfs on /x'],
    ]),
    pids: new Set<number>(),
  };
  expect(newThings(before, after)).toEqual(['mount of tmpfs on /x']);
});
