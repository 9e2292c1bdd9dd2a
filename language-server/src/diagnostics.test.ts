import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '@ringside/core/model';
import { toLspDiagnostics } from './diagnostics.ts';

const finding = (more: Partial<Diagnostic>): Diagnostic => ({
  ...{ file: '/p/a.bpf.c', line: 3, column: 5, endLine: 3, endColumn: 9 },
  ...{ severity: 'error', message: 'wrong', code: '', source: 'clang' },
  ...more,
});

describe('toLspDiagnostics', () => {
  it('counts lines and characters from 0', () => {
    const [diagnostic] = toLspDiagnostics([finding({})], '/p/a.bpf.c');
    expect(diagnostic).toEqual({
      range: { start: { line: 2, character: 4 }, end: { line: 2, character: 8 } },
      severity: 1,
      message: 'wrong',
      source: 'clang',
    });
  });

  it('makes notes related places of the finding before them', () => {
    const note = finding({ severity: 'note', line: 1, column: 1, endLine: 1, endColumn: 4, message: 'declared here' });
    const diagnostics = toLspDiagnostics([finding({}), note, finding({ message: 'second' })], '/p/a.bpf.c');
    expect(diagnostics.map((d) => d.message)).toEqual(['wrong', 'second']);
    expect(diagnostics[0]!.relatedInformation).toEqual([
      {
        location: {
          uri: 'file:///p/a.bpf.c',
          range: { start: { line: 0, character: 0 }, end: { line: 0, character: 3 } },
        },
        message: 'declared here',
      },
    ]);
    expect(diagnostics[1]!.relatedInformation).toBeUndefined();
  });

  it('shows what is wrong in a header at the #include that leads there', () => {
    const includedFrom = [
      { file: '/p/b.h', line: 2 },
      { file: '/p/a.bpf.c', line: 7 },
    ];
    const [diagnostic] = toLspDiagnostics([finding({ file: '/p/c.h', includedFrom })], '/p/a.bpf.c');
    expect(diagnostic!.range.start).toEqual({ line: 6, character: 0 });
    expect(diagnostic!.message).toBe('/p/c.h:3: wrong');
    expect(diagnostic!.relatedInformation![0]!.location.uri).toBe('file:///p/c.h');
  });

  it('marks what is unused', () => {
    const [diagnostic] = toLspDiagnostics([finding({ severity: 'warning', code: '-Wunused-variable' })], '/p/a.bpf.c');
    expect(diagnostic).toMatchObject({ severity: 2, code: '-Wunused-variable', tags: [1] });
  });
});
