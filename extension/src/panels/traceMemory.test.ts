import { expect, it } from 'vitest';
import type { Bookmark, ColourRule, ReplayState } from '@ringside/core/model';
import { MemoryMemento } from '../test/vscodeMock.ts';
import { TraceMemory } from './traceMemory.ts';

const rule: ColourRule = { where: 'ret < 0', colour: 'red', on: true };
const mark: Bookmark = { stream: 'events', seq: 7, time: '1700000000000000000', note: 'here' };
const replay = { file: '/w/a.ringside' } as ReplayState;

it('keeps the colours of a program and the bookmarks of a recording, and no others', () => {
  const memory = new MemoryMemento();
  const trace = new TraceMemory(memory);
  trace.keep({ file: '/w/a.bpf.c' }, { colours: [rule], bookmarks: [mark] });
  expect(new TraceMemory(memory).of({ file: '/w/a.bpf.c' })).toEqual({ colours: [rule], bookmarks: [] });
  trace.keep({ file: '/w/a.bpf.c', replay }, { bookmarks: [mark] });
  expect(trace.of({ file: '/w/a.bpf.c', replay })).toEqual({ colours: [rule], bookmarks: [mark] });
  trace.keep({ file: '/w/a.bpf.c', replay }, { colours: [], bookmarks: [] });
  expect(trace.of({ file: '/w/a.bpf.c', replay })).toEqual({ colours: [], bookmarks: [] });
});

it('forgets the oldest of many programs', () => {
  const trace = new TraceMemory(new MemoryMemento());
  for (let i = 0; i < 60; i++) trace.keep({ file: `/w/${i}` }, { colours: [rule] });
  expect(trace.of({ file: '/w/9' }).colours).toEqual([]);
  expect(trace.of({ file: '/w/59' }).colours).toEqual([rule]);
});

it('leaves out what somebody else has written there', () => {
  const memory = new MemoryMemento();
  void memory.update('ringside.trace.colours', { '/w/a': [rule, { where: 7 }, null], '/w/b': 'x' });
  const trace = new TraceMemory(memory);
  expect(trace.of({ file: '/w/a' }).colours).toEqual([rule]);
  expect(trace.of({ file: '/w/b' }).colours).toEqual([]);
});
