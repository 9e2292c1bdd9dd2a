import fc from 'fast-check';
import { expect, it } from 'vitest';
import { headersOfRule } from './dependencies.ts';

it('reads the headers of a rule, also with blanks and signs in their names, and over several lines', () => {
  const rule =
    '/tmp/o/object.o: /w/my\\ program.bpf.c shared.h ../inc/a\\ b.h \\\n  /w/c\\#d$$.h /cache/vmlinux/x/vmlinux.h \\\r\n  shared.h\n';
  expect(headersOfRule(rule, '/w/my program.bpf.c', '/w', ['/cache'])).toEqual([
    ...['/w/shared.h', '/inc/a b.h', '/w/c#d$.h'],
  ]);
});

it('gives none where there is no rule, and never fails', () => {
  expect(headersOfRule('', '/w/a.c', '/w', [])).toEqual([]);
  expect(headersOfRule('object.o: a.c\n', '/w/a.c', '/w', [])).toEqual([]);
  expect(headersOfRule(`o: ${'a'.repeat(2 << 20)}`, '/w/a.c', '/w', [])).toEqual([]);
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const path of headersOfRule(text, '/w/a.c', '/w', ['/c'])) expect(path.startsWith('/')).toBe(true);
    }),
  );
});
