import fc from 'fast-check';
import { expect, it } from 'vitest';
import { declarationOf, localIncludes, ringSizeIn } from './sourcePlaces.ts';

const SOURCE = `// struct event { int no; };
#include "shared.h"
#include <vmlinux.h>
struct addr { __u32 v4; __u8 v6[16]; };
struct event {
  __u32 pid; /* pid_t no; */
  char comm[16], name[8];
  union {
    struct addr addr;
    __u64 raw;
  };
  struct { int pid; unsigned code : 3; } inner;
  struct shared later;
};
typedef struct { __u64 ns; } sample_t;
typedef struct event event_t;
static void f(void) { struct event e = {}; int pid; }
`;
const HEADER = 'struct shared {\n  int inside;\n};\n';
const files = [
  { path: '/w/x.bpf.c', text: SOURCE },
  { path: '/w/shared.h', text: HEADER },
];

const lineOf = (record: string, path: string): string | null => {
  const place = declarationOf(files, record, path);
  if (place === null) return null;
  const { text } = files.find((file) => file.path === place.path)!;
  const line = text.slice(0, place.start).split('\n').length;
  return `${place.path.split('/').pop()!}:${line} ${text.slice(place.start, place.end)}`;
};

it.each([
  ['struct event', '', 'x.bpf.c:5 event'],
  ['struct event', 'pid', 'x.bpf.c:6 pid'],
  ['struct event', 'name', 'x.bpf.c:7 name'],
  ['struct event', 'comm[3]', 'x.bpf.c:7 comm'],
  ['struct event', 'raw', 'x.bpf.c:10 raw'],
  ['struct event', 'addr.v6', 'x.bpf.c:4 v6'],
  ['struct event', 'inner.pid', 'x.bpf.c:12 pid'],
  ['struct event', 'inner.code', 'x.bpf.c:12 code'],
  ['struct event', 'later.inside', 'shared.h:2 inside'],
  ['struct shared', 'inside', 'shared.h:2 inside'],
  ['sample_t', 'ns', 'x.bpf.c:15 ns'],
  ['event_t', 'pid', 'x.bpf.c:6 pid'],
])('finds %s %s', (record, path, place) => {
  expect(lineOf(record, path)).toBe(place);
});

it('goes as far as the source knows, and says when it knows nothing', () => {
  expect(lineOf('struct event', 'gone')).toBe('x.bpf.c:5 event');
  expect(lineOf('struct event', 'addr.gone')).toBe('x.bpf.c:9 addr');
  expect(lineOf('struct nobody', 'pid')).toBeNull();
  expect(lineOf('__u64', 'value')).toBeNull();
  expect(lineOf('', '')).toBeNull();
});

it('names the headers that are included by a path', () => {
  expect(localIncludes(SOURCE)).toEqual(['shared.h']);
});

const ring = (size: string, type = 'BPF_MAP_TYPE_RINGBUF'): string =>
  `struct {\n  __uint(type, ${type});\n  __uint(max_entries, ${size});\n} events SEC(".maps");\n`;

it.each([
  ['256 * 1024', 262_144, '512 * 1024'],
  ['1 << 20', 1 << 20, '2048 * 1024'],
  ['(1 << 12)', 4096, '8 * 1024'],
  ['0x40000', 262_144, '512 * 1024'],
  ['4096', 4096, '8 * 1024'],
  ['PAGES(4) * SIZE', null, '2 * (PAGES(4) * SIZE)'],
])('doubles %s', (size, bytes, doubled) => {
  const text = `int a;\n${ring('1')}`.replaceAll('events', 'other') + ring(size);
  const found = ringSizeIn(text, 'events');
  expect(found).toMatchObject({ bytes, doubled });
  if (found !== null && found !== 'perf') expect(text.slice(found.start, found.end)).toBe(size);
});

it('knows a perf buffer, and a map that is not there', () => {
  expect(ringSizeIn(ring('1', 'BPF_MAP_TYPE_PERF_EVENT_ARRAY'), 'events')).toBe('perf');
  expect(ringSizeIn(ring('4096'), 'others')).toBeNull();
  expect(ringSizeIn(`// ${ring('4096').replaceAll('\n', ' ')}`, 'events')).toBeNull();
});

it('takes any text without harm, and names places inside it', () => {
  const piece = fc.constantFrom(
    'struct event',
    '{',
    '}',
    ';',
    ' pid',
    'union',
    '\n',
    '"',
    '/*',
    '*/',
    'typedef ',
    '[1]',
    '(',
    ')',
    ' event_t',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 60 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(
      text,
      fc.constantFrom('struct event', 'event_t', 'a(b'),
      fc.constantFrom('', 'pid', 'a.b[3]', '('),
      (text, record, path) => {
        const place = declarationOf([{ path: 'f', text }], record, path);
        if (place !== null) expect(place.start >= 0 && place.end <= text.length && place.start <= place.end).toBe(true);
        ringSizeIn(text, 'events');
      },
    ),
  );
});
