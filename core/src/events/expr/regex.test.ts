import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinearRegex, RegexSyntaxError } from './regex.ts';

/** Patterns of the known syntax that JavaScript reads the same way. */
const pattern = fc
  .letrec<{ node: string; atom: string }>((tie) => ({
    atom: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom('a', 'b', 'c', '.', '\\d', '\\w', '\\s', '\\D', '[ab]', '[^a]', '[a-c0-9]', '\\.', '1', ' ', 'é'),
      tie('node').map((inner) => `(${inner})`),
      tie('node').map((inner) => `(?:${inner})`),
    ),
    node: fc
      .array(
        fc
          .tuple(tie('atom'), fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '{2,}', '*?'))
          .map(([atom, repeat]) => atom + repeat),
        { minLength: 0, maxLength: 4 },
      )
      .map((items) => items.join(''))
      .chain((text) => fc.constantFrom(text, `^${text}`, `${text}$`, `^${text}$`, `${text}|b`, `|${text}`)),
  }))
  .node.filter((source) => source.length <= 40);

const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', ' ', 'é', '.', 'Z', '😀'), maxLength: 12 });

describe('LinearRegex', () => {
  it('matches what JavaScript matches (property)', { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 8 }), (source, texts) => {
        const ours = new LinearRegex(source);
        const theirs = new RegExp(source, 'u');
        for (const candidate of texts)
          expect([candidate, ours.test(candidate)]).toEqual([candidate, theirs.test(candidate)]);
      }),
      { numRuns: 800 },
    );
  });

  it('answers from bytes as from text, or not at all (property)', () => {
    fc.assert(
      fc.property(pattern, text, fc.nat(3), (source, candidate, zeros) => {
        const regex = new LinearRegex(source);
        const bytes = new Uint8Array([...new TextEncoder().encode(candidate), ...new Uint8Array(zeros)]);
        const answer = regex.testBytes(bytes, 0, bytes.length);
        if (answer === null) expect(candidate).toMatch(/[^ -~]/);
        else expect(answer).toBe(regex.test(candidate));
      }),
      { numRuns: 400 },
    );
  });

  it('takes linear time where backtracking would not end', () => {
    const evil = 'a'.repeat(4000);
    for (const source of ['(a+)+$', '(a|a)*b', '(a*)*b', 'a*a*a*a*a*a*a*b', '(a?){50}a{50}c']) {
      expect(new LinearRegex(source).test(`${evil}!`)).toBe(false); // or the test's time is over
    }
  });

  it('ignores case where the pattern asks for it', () => {
    expect(new LinearRegex('(?i)nginx [a-c]').test('NGINX B')).toBe(true);
    expect(new LinearRegex('nginx').test('NGINX')).toBe(false);
  });

  it.each([
    '(',
    ')',
    '[a',
    'a**',
    '*a',
    '^*',
    '(?=a)',
    '(?<n>a)',
    '\\1',
    '\\q',
    '[z-a]',
    'a{3,1}',
    'a{999}',
    '\\',
    '(a{200}){200}',
    '('.repeat(300),
  ])('refuses %j', (source) => {
    expect(() => new LinearRegex(source)).toThrow(RegexSyntaxError);
  });

  it('keeps its cache bounded and its answers right', () => {
    const regex = new LinearRegex('(a|b)*a(a|b){12}c');
    const theirs = /(a|b)*a(a|b){12}c/;
    let seed = 1;
    for (let i = 0; i < 300; i++) {
      let candidate = '';
      for (let j = 0; j < 40; j++)
        candidate += (seed = (seed * 48271) % 0x7fffffff) % 9 === 0 ? 'c' : seed % 2 === 0 ? 'a' : 'b';
      expect(regex.test(candidate)).toBe(theirs.test(candidate));
    }
  });
});
