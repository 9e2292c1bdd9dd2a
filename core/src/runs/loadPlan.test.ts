import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BpfObject, inspectObject, renameSections, withoutRingTypes } from '../bpf/index.ts';
import { goldenObject } from '../bpf/testObjects.ts';
import { loadPlan, type LoadSpec } from './loadPlan.ts';
import type { PreparedObject } from './prepare.ts';

/**
 * Objects whose sections get other names: `wrappers` has the tracepoint programs on_read, on_write and on_close, `exec`
 * has handle_exec and off_by_default, whose argument (void *) tells nothing.
 */
function prepared(names: Record<string, string> = {}, golden = goldenObject('wrappers.bpf')): PreparedObject {
  const { programs } = BpfObject.parse(golden);
  const renames = new Map(programs.flatMap((p) => (names[p.name] ? [[p.section.index, names[p.name]!] as const] : [])));
  const full = renames.size > 0 ? renameSections(golden, renames) : golden;
  return { file: '/x/w.bpf.c', full, stripped: full, report: inspectObject(full), diagnostics: [], cpu: 'v3' };
}
const plan = (names: Record<string, string>, spec: Partial<LoadSpec> = {}, purpose: 'run' | 'verify' = 'run') =>
  loadPlan(prepared(names), { programs: [], set: {}, ...spec }, purpose, { listsObjects: false });
const sectionsOf = (bytes: Uint8Array) => BpfObject.parse(bytes).programs.map((p) => p.section.name);

describe('loadPlan', () => {
  it('leaves an object alone whose sections libbpf knows', async () => {
    const object = prepared();
    const made = await loadPlan(object, { programs: [], set: {} }, 'run', { listsObjects: false });
    expect(made.bytes).toBe(object.stripped);
    expect(made).toMatchObject({ leftOut: [], notes: [], options: { name: 'w', programs: [], leaveOut: true } });
    expect(made.programs.map((p) => p.name)).toEqual(['on_read', 'on_write', 'on_close']);
  });

  it('sends the whole object, as its file is, to a host that allows objects by their hash', async () => {
    const object = { ...prepared(), stripped: new Uint8Array(1) };
    const made = await loadPlan(object, { programs: [], set: {} }, 'run', { listsObjects: true });
    expect(made.bytes).toBe(object.full);
  });

  it('sends to such a host an object whose rings declare their records without that, under the hash that is told', async () => {
    const object = prepared({}, goldenObject('tcp.bpf'));
    const made = await loadPlan(object, { programs: [], set: {} }, 'run', { listsObjects: true });
    expect(made.bytes).toEqual(withoutRingTypes(object.full));
    expect(made.bytes).not.toEqual(object.full);
    expect(createHash('sha256').update(made.bytes).digest('hex')).toBe(object.report.sha256);
    expect(inspectObject(made.bytes).sha256).toBe(object.report.sha256);
    const file = createHash('sha256').update(object.full).digest('hex');
    expect(object.report.sha256).not.toBe(file);
  });

  it('sends sections under the names that libbpf knows, with what the author wrote into them as target', async () => {
    const made = await plan({ on_read: 'xdp/lo', on_write: 'perf_event/type=0,config=0,frequency=49' });
    expect(sectionsOf(made.bytes).slice(0, 2)).toEqual(['xdp', 'perf_event']);
    expect(made.programs[0]).toEqual({ name: 'on_read', target: { iface: 'lo' } });
    expect(made.programs[1]).toEqual({ name: 'on_write', target: { freq: '49' } });
    expect(made.options.programOptions).toMatchObject([{ program: 'on_read', target: { iface: 'lo' } }]);
    expect(made.sections.get('on_read')).toBe('xdp/lo');
    expect(made.notes.map((n) => n.about)).toEqual(['on_read', 'on_write']);
  });

  it('takes an unknown section for what its argument says', async () => {
    const made = await plan({ on_read: 'mystery' });
    expect(sectionsOf(made.bytes)[0]).toBe('tracepoint');
    expect(made.notes[0]!.text).toContain('trace_event_raw_sys_enter');
  });

  describe('where nobody says what a program is', () => {
    const exec = (spec: Partial<LoadSpec>, others: Record<string, string> = {}) =>
      loadPlan(
        prepared({ handle_exec: 'mystery', ...others }, goldenObject('exec.bpf')),
        { programs: [], set: {}, ...spec },
        'run',
        { listsObjects: false },
      );
    const asked = { code: 'target-needed' };

    it('leaves it out, and the others run', async () => {
      const made = await exec({}, { off_by_default: 'kprobe/vfs_read' });
      expect(made.options.programs).toEqual(['off_by_default']);
      expect(made.leftOut).toMatchObject([{ program: 'handle_exec', section: 'mystery', error: asked }]);
      expect(made.leftOut[0]!.error.remedy).toContain('--target handle_exec:section=');
    });

    it('asks when it is the only one, or the one that was named', async () => {
      await expect(exec({})).rejects.toMatchObject(asked);
      const named = exec({ programs: ['handle_exec'] }, { off_by_default: 'kprobe/vfs_read' });
      await expect(named).rejects.toMatchObject(asked);
      const more = { ...asked, message: expect.stringContaining('1 more program needs') };
      await expect(exec({}, { off_by_default: 'riddle' })).rejects.toMatchObject(more);
    });

    it('takes what the user says', async () => {
      const targets = [{ program: 'handle_exec', key: 'section', value: 'kprobe/vfs_read' }];
      const made = await exec({ targets });
      expect(sectionsOf(made.bytes)[0]).toBe('kprobe/vfs_read');
      expect(made.programs[0]).toEqual({ name: 'handle_exec', target: {} });
      expect(made.leftOut).toEqual([]);
    });
  });

  it('does not run a placeholder, but verifies it where the kernel need not know the function', async () => {
    const names = { on_read: 'kprobe/dummy_read', on_write: 'fentry/dummy_write' };
    expect((await plan(names)).leftOut.map((l) => l.program)).toEqual(['on_read', 'on_write']);
    expect((await plan(names, {}, 'verify')).leftOut.map((l) => l.program)).toEqual(['on_write']);
    const targets = [{ program: 'on_write', key: 'func', value: 'vfs_write' }];
    const made = await plan(names, { targets });
    expect(made.leftOut.map((l) => l.program)).toEqual(['on_read']);
    expect(made.options.programOptions).toMatchObject([{ program: 'on_write', target: { func: 'vfs_write' } }]);
  });

  it('gives a key for all to those that need it', async () => {
    const targets = [{ program: '', key: 'iface', value: 'lo' }];
    const made = await plan({ on_read: 'xdp' }, { targets });
    expect(made.programs.map((p) => p.target)).toEqual([{ iface: 'lo' }, {}, {}]);
    const pid = [{ program: '', key: 'pid', value: '1' }];
    expect((await plan({}, { targets: pid })).programs.map((p) => p.target)).toEqual(Array(3).fill({ pid: '1' }));
  });
});
