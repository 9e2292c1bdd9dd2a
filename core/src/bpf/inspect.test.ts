import { describe, expect, it } from 'vitest';
import { inspectObject } from './inspect.ts';
import { goldenNames, goldenObject } from './testObjects.ts';

describe('inspectObject', () => {
  it('tells licence and programs with their place in the source', () => {
    const report = inspectObject(goldenObject('exec.bpf'));
    expect(report.license).toBe('Dual MIT/GPL');
    expect(report.programs).toEqual([
      {
        name: 'handle_exec',
        section: 'tp/sched/sched_process_exec',
        type: 'tracepoint',
        attach: 'tracepoint',
        target: 'sched:sched_process_exec',
        needsTarget: [],
        given: {},
        inferred: '',
        capabilities: ['CAP_BPF', 'CAP_PERFMON', 'CAP_SYSLOG'],
        features: ['ringbuf map (Linux 5.8)'],
        variants: [],
        guards: [],
        instructions: 112,
        autoload: true,
        source: { file: '/src/exec.bpf.c', line: 37 },
      },
      expect.objectContaining({ name: 'off_by_default', autoload: false, target: 'do_unlinkat' }),
    ]);
  });

  it('takes functions in .text for no programs', () => {
    expect(inspectObject(goldenObject('wrappers.bpf')).programs.map((p) => p.name)).toEqual([
      'on_read',
      'on_write',
      'on_close',
    ]);
  });

  it.each(goldenNames)('gives plain data for %s', (name) => {
    const report = inspectObject(goldenObject(name));
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('refuses maps of the old kind and maps without BTF, saying what to do', () => {
    // Renames a section in the string table, same length.
    const renamed = (from: string, to: string) => {
      const bytes = goldenObject('exec.bpf').slice();
      const text = Buffer.from(bytes.buffer).toString('latin1');
      for (let at = text.indexOf(`${from}\0`); at >= 0; at = text.indexOf(`${from}\0`, at + 1))
        bytes.set(Buffer.from(`${to}\0`), at);
      return bytes;
    };
    expect(() => inspectObject(renamed('.maps', 'maps'))).toThrow(expect.objectContaining({ code: 'legacy-maps' }));
    expect(() => inspectObject(renamed('.BTF', '.BTX'))).toThrow(
      expect.objectContaining({ code: 'object-without-btf' }),
    );
  });
});
