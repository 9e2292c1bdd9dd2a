import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Analyser } from '../analysis.ts';
import { check } from '../checks/index.ts';
import { complete } from '../features/completion.ts';
import { hover } from '../features/hover.ts';
import { signatureHelp } from '../features/signatureHelp.ts';
import { nowhere } from '../kernel/world.ts';
import { parse } from './parse.ts';

/** Everything that can be asked about a text, at a place in it. */
function everything(text: string, offset: number): void {
  const analysis = new Analyser().analyse({ uri: 'a', file: '/nowhere/a.bpf.c', version: 1, text }, nowhere);
  check(analysis);
  const options = {
    uri: 'a',
    rangeOf: () => ({ start: { line: 0, character: 0 }, end: { line: 0, character: 0 } }),
    genericC: true,
  };
  complete(analysis, offset, options);
  hover(analysis, offset, true);
  signatureHelp(analysis, offset);
}

const pieces = [
  ...[
    'SEC("',
    '")',
    '"',
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    ';',
    ',',
    '->',
    '.',
    '*',
    '&',
    '=',
    '#define X ',
    '\\\n',
    '\n',
    '/*',
    '*/',
    '//',
  ],
  ...[
    'struct ',
    'union ',
    'enum ',
    'typedef ',
    'int ',
    'x',
    'BPF_CORE_READ(',
    'BPF_PROG(',
    '__uint(type, ',
    '.maps',
    'kprobe/vfs',
    '‸',
    '\0',
  ],
  ...['static ', 'for (', 'sizeof(', '__attribute__((', '1 << 70', 'X', '?', ':', 'ü', "'", '\r\n', 'license'],
];

describe('texts that are no programs', () => {
  it('never throw, whatever they are and wherever they are asked about', () => {
    const text = fc
      .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 4 })), { maxLength: 60 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.nat(400), (source, at) => everything(source, Math.min(at, source.length))),
      { numRuns: 1000 },
    );
  });

  const whole = 1 << 18;
  it.each([
    ['braces', '{'.repeat(whole - 10)],
    ['parentheses', `int f() { ${'('.repeat(whole - 20)}`],
    ['nested calls', `int f() { ${'a('.repeat(whole / 4)}`],
    ['arrows', `int f() { x${'->a'.repeat(whole / 4)}`],
    ['nested structs', 'struct {'.repeat(whole / 16)],
    ['nested blocks', `int f() {${'{'.repeat(whole - 20)}`],
    ['nested blocks with variables', `int f() {${'{ int x = 1;'.repeat(whole / 16)}`],
    ['nested unions', `struct a {${'union { int x; '.repeat(whole / 16)}`],
    ['initializers', `int f() { ${'int x = a(b(c(1)));'.repeat(whole / 32)}`],
    ['functions', 'int f(void) { return 0; }\n'.repeat(whole / 32)],
    ['programs', 'SEC("kprobe/vfs_raed")\nint f(void *ctx) { bpf_printk("x"); }\n'.repeat(whole / 128)],
    [
      'macros that name each other',
      Array.from({ length: 20_000 }, (_, i) => `#define M${i} M${(i + 1) % 20_000}+M${(i + 7) % 20_000}`).join('\n') +
        '\nstruct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, M0); } m SEC(".maps");',
    ],
    ['quotes', '"'.repeat(whole - 10)],
    ['unclosed comment', `/*${'x '.repeat(whole / 4)}`],
    ['lines without an end', 'a'.repeat(whole - 10)],
    ['stars', `int f() { ${'*'.repeat(whole - 20)}`],
    ['commas', `int ${'a,'.repeat(whole / 4)}`],
    [
      'minus signs in a size',
      `struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, ${'-'.repeat(4000)}1); } m SEC(".maps");`,
    ],
    ['five megabytes', 'int x;\n'.repeat(800_000)],
  ])('are read to the end: %s', (_name, text) => {
    // What is not linear would not come to its end in the time that a test has.
    expect(() => everything(text, Math.min(text.length, whole - 30))).not.toThrow();
  });

  it('leaves sources of more than a megabyte to the compiler', () => {
    expect(parse('int x;\n'.repeat(200_000)).model.whole).toBe(false);
  });
});
