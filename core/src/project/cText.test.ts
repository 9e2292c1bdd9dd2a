import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOnly, cutTypes, topLevelTypes } from './cText.ts';

const source = `// SPDX-License-Identifier: GPL-2.0
#include <vmlinux.h>
#include "a.h"

#define SIZE 16
#define CALL(x) (x)

/* What happened. */
enum kind { KIND_A = 1, KIND_B };

// One event; "struct no { int a; };" is no code.
struct event {
	enum kind kind; /* which */
	char text[SIZE];
}; // ends here

typedef struct { struct event *first; } list_t;
#if 0
struct hidden { int a; };
#endif
struct event global;
static int help(struct event *e)
{
	struct inner { int a; } i = {};
	return i.a;
}
struct __attribute__((packed)) late { char a; };
`;

describe('codeOnly', () => {
  it('takes comments and quotes away, and every character keeps its place', () => {
    const text = 'a /* b\n */ "c\\"d" \'"\' // e\nf';
    expect(codeOnly(text)).toHaveLength(text.length);
    expect(
      codeOnly(text)
        .split('\n')
        .map((line) => line.trimEnd()),
    ).toEqual(['a', '', 'f']);
  });
});

describe('topLevelTypes', () => {
  it('finds types and macros at the top level, not variables, functions or what #if hides', () => {
    expect(topLevelTypes(source).map((item) => item.names)).toEqual([
      ['SIZE'],
      ['enum kind', 'KIND_A', 'KIND_B'],
      ['struct event'],
      ['list_t'],
      ['struct late'],
    ]);
  });

  it('an item takes the comment above it and the one behind it along', () => {
    const [, kind, event] = topLevelTypes(source);
    expect(source.slice(kind!.start, kind!.end)).toBe('/* What happened. */\nenum kind { KIND_A = 1, KIND_B };');
    expect(source.slice(event!.start, event!.end)).toMatch(/^\/\/ One event[\s\S]*\/\/ ends here$/);
  });
});

describe('cutTypes', () => {
  it('takes what a type needs along, leaves the rest, and includes the header behind the other ones', () => {
    const cut = cutTypes(source, ['struct event'], 'x.h')!;
    expect([...cut.names]).toEqual(['SIZE', 'enum kind', 'KIND_A', 'KIND_B', 'struct event']);
    expect(cut.source).toContain('#include "a.h"\n#include "x.h"\n');
    expect(cut.source).not.toContain('#define SIZE');
    expect(cut.source).toContain('struct event global;');
    expect(cut.definitions.startsWith('#define SIZE 16\n\n/* What happened. */')).toBe(true);
  });

  it('is null for what the source does not define, or hides', () => {
    expect(cutTypes(source, ['struct nowhere'], 'x.h')).toBeNull();
    expect(cutTypes(source, ['struct hidden'], 'x.h')).toBeNull();
    expect(cutTypes(source, ['struct inner'], 'x.h')).toBeNull();
  });
});

describe('any text', () => {
  const pieces = fc.constantFrom(
    ...['/*', '*/', '//', '"', "'", '\\', '\n', '{', '}', ';', '(', ')', '#if', '#endif', '#define A', '#include "x"'],
    ...['struct a', 'enum e', 'typedef', 'union', 'A', ',', '=', '[1]', '__attribute__((', ' ', '\r\n', 'ä', '\0'],
  );
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map((parts) => parts.join('')),
    fc.array(pieces).map((parts) => parts.join(' ')),
  );

  it('is read without an error, keeps its places, and its items lie in it in their order', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(codeOnly(text)).toHaveLength(text.length);
        let before = 0;
        for (const { start, end, names } of topLevelTypes(text)) {
          expect(names.length).toBeGreaterThan(0);
          expect(start).toBeGreaterThanOrEqual(0);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(text.length);
          expect(end).toBeGreaterThan(before);
          before = end;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is cut without an error: every name is either found or null, and nothing is said twice', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const item of topLevelTypes(text)) {
          const cut = cutTypes(text, item.names, 'x.h');
          expect(cut?.definitions).toBeDefined();
          for (const name of item.names) expect(cut!.names.has(name)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
