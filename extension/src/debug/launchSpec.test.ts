import { describe, expect, test, vi } from 'vitest';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { launchSpec } = await import('./launchSpec.ts');

describe('launchSpec', () => {
  test('reads what the manifest documents', () => {
    const config = {
      type: 'ringside',
      host: 'web-1, web-2 ,web-1',
      programs: ['a'],
      targets: { iface: 'eth0', 'b:iface': 'lo' },
      set: { min_us: 1000, verbose: true, name: 'x' },
      where: 'pid == 1',
      mapsSeconds: 2,
      limits: { cpuPercent: 0, timeSeconds: 60 },
      keep: '2h',
    };
    expect(launchSpec(config)).toEqual({
      hosts: ['web-1', 'web-2'],
      programs: ['a'],
      targets: [
        { program: '', key: 'iface', value: 'eth0' },
        { program: 'b', key: 'iface', value: 'lo' },
      ],
      set: { min_us: '1000', verbose: 'true', name: 'x' },
      where: 'pid == 1',
      mapsSeconds: 2,
      limits: { cpuPercent: 0, timeSeconds: 60 },
      keepSeconds: 7200,
    });
  });

  test('everything may be left out', () => {
    expect(launchSpec({})).toEqual({ hosts: [], programs: [], targets: [], set: {}, where: '', mapsSeconds: null });
    expect(launchSpec({ host: '' }).hosts).toEqual([]);
  });

  test.each([
    ['host', 3],
    ['programs', 'a'],
    ['programs', [1]],
    ['targets', ['eth0']],
    ['set', { x: { y: 1 } }],
    ['limits', 3],
    ['limits.memory', { memory: 1 }],
    ['limits.cpuPercent', { cpuPercent: -1 }],
    ['keep', 'long'],
    ['keep', '31d'],
    ['keep', 7200],
    ['where', 1],
    ['mapsSeconds', 0],
    ['mapsSeconds', '1'],
  ])('%s: %j is an error that names the attribute', (attribute, value) => {
    expect(() => launchSpec({ [attribute.split('.')[0]!]: value })).toThrow(new RegExp(`"${attribute}`));
  });
});
