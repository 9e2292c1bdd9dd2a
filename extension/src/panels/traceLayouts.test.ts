import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MemoryMemento } from '../test/vscodeMock.ts';
import { TraceLayouts, type RememberedLayout } from './traceLayouts.ts';

const KEY = 'ringside.traceLayouts';

function chosen(column: string): RememberedLayout {
  return {
    hidden: ['ts'],
    widths: { pid: 90 },
    layout: {
      sort: [{ column, descending: true }],
      order: ['comm', 'pid'],
      pinned: ['comm'],
      derived: [{ expr: 'ret * 2', title: '' }],
      formats: { ret: 'hex' },
      groups: null,
    },
  };
}

it('each program begins with what was chosen for it, after the window was opened again, too', () => {
  const memory = new MemoryMemento();
  const layouts = new TraceLayouts(memory);
  layouts.set('/w/a.bpf.c', chosen('pid'));
  layouts.set('/w/b.bpf.c', chosen('comm'));
  layouts.set('/w/a.bpf.c', chosen('ret'));
  const later = new TraceLayouts(memory);
  expect(later.of('/w/a.bpf.c')).toEqual(chosen('ret'));
  expect(later.of('/w/b.bpf.c')).toEqual(chosen('comm'));
  expect(later.of('/w/c.bpf.c')).toBeNull();
});

it('a program is forgotten whose table is as it came again', () => {
  const memory = new MemoryMemento();
  const layouts = new TraceLayouts(memory);
  layouts.set('/w/a.bpf.c', chosen('pid'));
  layouts.set('/w/b.bpf.c', chosen('comm'));
  layouts.forget('/w/a.bpf.c');
  expect(layouts.of('/w/a.bpf.c')).toBeNull();
  expect(layouts.of('/w/b.bpf.c')).toEqual(chosen('comm'));
});

it('programs called as what every object has are programs like others', () => {
  const layouts = new TraceLayouts(new MemoryMemento());
  for (const file of ['__proto__', 'constructor', 'toString']) {
    expect(layouts.of(file)).toBeNull();
    layouts.set(file, chosen(file));
    expect(layouts.of(file)).toEqual(chosen(file));
  }
});

it('of many programs the ones that were changed last are remembered', () => {
  const layouts = new TraceLayouts(new MemoryMemento());
  for (let i = 0; i < 50; i++) layouts.set(`/w/${i}`, chosen('pid'));
  layouts.set('/w/0', chosen('ret'));
  layouts.set('/w/50', chosen('pid'));
  expect(layouts.of('/w/0')).toEqual(chosen('ret'));
  expect(layouts.of('/w/1')).toBeNull();
  expect(layouts.of('/w/50')).toEqual(chosen('pid'));
});

it('damaged memory is as good as none, and can be written over', () => {
  const damaged = fc.oneof(
    fc.jsonValue(),
    fc.record({ '/w/a': fc.oneof(fc.jsonValue(), fc.constant({ ...chosen('pid'), widths: { pid: -1 } })) }),
    fc.record({ '/w/a': fc.record({ hidden: fc.jsonValue(), widths: fc.jsonValue(), layout: fc.jsonValue() }) }),
  );
  fc.assert(
    fc.property(damaged, (value) => {
      const memory = new MemoryMemento();
      void memory.update(KEY, value);
      const layouts = new TraceLayouts(memory);
      expect(layouts.of('/w/a')).toBeNull();
      layouts.set('/w/a', chosen('pid'));
      expect(layouts.of('/w/a')).toEqual(chosen('pid'));
    }),
  );
});
