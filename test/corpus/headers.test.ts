import { describe, expect, it } from 'vitest';
import type { ComparedProgram } from '../integration/support/headers.ts';
import { headerLines } from './headers.ts';

const program = (name: string, more: Partial<ComparedProgram>): ComparedProgram => ({
  ...{ file: `/corpus/${name}`, refused: '', records: 3, functions: 2, differences: [] },
  ...more,
});

describe('headerLines', () => {
  it('tells for each program what was compared, where it differs, and the sums', () => {
    const programs = [
      program('a.bpf.c', {}),
      program('b.bpf.c', { differences: ['on_exec: other instructions'] }),
      program('c.bpf.c', { refused: '7: no member named x', records: 0, functions: 0 }),
      program('d.bpf.c', { refused: null, records: 0, functions: 0, differences: ['ours: 1: unknown type'] }),
    ];
    const differences = ['b', 'd'];
    expect(headerLines({ programs, built: 2, refused: [], records: 6, differences }, '/corpus')).toBe(
      [
        '✓ a.bpf.c  3 structs and unions, 2 functions',
        '✗ b.bpf.c  3 structs and unions, 2 functions',
        '    ≠ on_exec: other instructions',
        '· c.bpf.c  builds with neither: 7: no member named x',
        '✗ d.bpf.c  builds with one of the headers only',
        '    ≠ ours: 1: unknown type',
        '',
        "headers   2 of 4 programs are the same with our vmlinux.h as with bpftool's, 2 of them build",
        '          6 structs and unions, 4 functions compared; 2 differences',
      ].join('\n'),
    );
  });
});
