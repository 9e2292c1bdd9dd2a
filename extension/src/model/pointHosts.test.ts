import { describe, expect, test, vi } from 'vitest';
import { FakeEngine } from '../test/fakeEngine.ts';
import { aHostState } from '../test/inventoryBuilders.ts';
import * as mock from '../test/vscodeMock.ts';
import { HostList } from './hostList.ts';
import { PointHosts, presenceWords } from './pointHosts.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));

const target = (unusable: string | null) => ({
  ...{ name: 'vfs_read', module: '', arguments: [], returns: '', details: {}, unusable },
});

function make(answers: Record<string, () => unknown>) {
  const fake = new FakeEngine();
  fake.answers.targets = (host) => answers[host]!();
  const hosts = new HostList(fake.engine, new mock.MemoryMemento() as never);
  for (const name of Object.keys(answers)) fake.emit('host', aHostState(name, 'ready'));
  return { fake, points: new PointHosts(fake.engine, hosts) };
}

describe('which hosts have an attach point', () => {
  test('is asked of those that are connected, and told in words', async () => {
    const listing = (unusable: string | null) => () => ({
      host: '',
      kind: 'kprobe',
      targets: [target(unusable)],
      total: 1,
    });
    const { points } = make({
      'web-1': listing(null),
      'web-2': () => Promise.reject(Object.assign(new Error('none'), { code: 'target-not-found' })),
      'db-1': listing('notrace'),
      'db-2': () => Promise.reject(Object.assign(new Error('no rights'), { code: 'no-permission' })),
    });
    const found = await points.of('function', 'vfs_read');
    expect(presenceWords(found)).toBe('On web-1; not on web-2, db-1; not known of db-2');
    expect(presenceWords([])).toBe('');
  });

  test('is asked once, and again after a connection', async () => {
    const { fake, points } = make({ 'web-1': () => ({ host: '', kind: 'kprobe', targets: [target(null)], total: 1 }) });
    await points.of('function', 'vfs_read');
    await points.of('function', 'vfs_read');
    expect(fake.called('targets').length).toBe(1);
    expect(fake.called('targets')[0]).toEqual(['web-1', { kind: 'kprobe', pattern: 'vfs_read', limit: 1 }]);
    fake.emit('host', aHostState('web-1', 'ready'));
    await points.of('function', 'vfs_read');
    await points.of('tracepoint', 'sched/sched_switch');
    expect(fake.called('targets').at(-1)).toEqual([
      'web-1',
      { kind: 'tracepoint', pattern: 'sched:sched_switch', limit: 1 },
    ]);
    // Hosts cannot be asked for iterators: then nothing is said, which is not "no".
    expect(await points.of('iter', 'task')).toEqual([]);
  });
});
