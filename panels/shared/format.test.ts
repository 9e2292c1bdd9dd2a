import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clockOfCell, count, countdown, nanos, percent, rate, timeDelta, visible } from './format.ts';

it('counts down to the second, and stops at the end', () => {
  expect(countdown(1_000_000, 1_000_000 - 272_000)).toBe('4:32');
  expect(countdown(1_000_000, 1_000_000 - 900)).toBe('0:01');
  expect(countdown(10_000_000, 10_000_000 - 3_605_000)).toBe('1:00:05');
  expect(countdown(1_000_000, 2_000_000)).toBe('0:00');
});

describe('numbers', () => {
  it('groups counts and calls the unknown unknown', () => {
    expect(count(3_204_771)).toBe('3,204,771');
    expect(count(0)).toBe('0');
    expect(count(null)).toBe('unknown');
    expect(count(Number.NaN)).toBe('unknown');
    expect(count(2 ** 53)).toBe('9,007,199,254,740,992');
  });

  it.each([
    [0, '0/s'],
    [0.4, '0.4/s'],
    [9.96, '10/s'],
    [312, '312/s'],
    [999.7, '1.00 k/s'],
    [48_190, '48.2 k/s'],
    [99_960, '100 k/s'],
    [999_999.9, '1.00 M/s'],
    [3_900_000, '3.90 M/s'],
    [Number.NaN, 'unknown'],
    [-1, 'unknown'],
  ])('writes the rate %d as %s', (value, text) => expect(rate(value)).toBe(text));

  it('never needs more than nine characters for a rate, so the header keeps its place', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 1e11, noNaN: true }), (value) => rate(value).length <= 9));
  });

  it.each([
    [61, '61 ns'],
    [999.6, '1.00 µs'],
    [1830, '1.83 µs'],
    [2_500_000, '2.50 ms'],
    [3e9, '3.00 s'],
    [null, 'unknown'],
  ])('writes %s nanoseconds as %s', (value, text) => expect(nanos(value)).toBe(text));

  it('tells nothing from little', () => {
    expect(percent(0)).toBe('0 %');
    expect(percent(0.02)).toBe('< 0.1 %');
    expect(percent(0.31)).toBe('0.3 %');
    expect(percent(250)).toBe('250 %');
    expect(percent(null)).toBe('unknown');
  });
});

describe('times', () => {
  it('shows nanoseconds as a clock and leaves clock times alone', () => {
    expect(clockOfCell('1790512564113000000')).toMatch(/^\d\d:\d\d:\d\d\.113$/);
    expect(clockOfCell('12:36:04.113')).toBe('12:36:04.113');
    expect(clockOfCell('')).toBe('');
  });

  it('gives the distance as exactly as the texts allow', () => {
    expect(timeDelta('12:36:04.113', '12:36:04.125')).toBe('+12 ms');
    expect(timeDelta('12:36:04.113', '12:36:05.317')).toBe('+1.204 s');
    expect(timeDelta('12:36:04.125', '12:36:04.113')).toBe('−12 ms');
    expect(timeDelta('1790512564113000000', '1790512564113020700')).toBe('+20.7 µs');
    expect(timeDelta('noon', '12:36:04.113')).toBe('');
    expect(timeDelta('1790512564113000000', '12:36:04.113')).toBe('');
  });
});

describe('visible', () => {
  it('leaves ordinary text of any script as it is', () => {
    for (const text of ['nginx', '/usr/lib/postgresql', 'žluťoučký kůň', '数据库', 'שלום', '🐝', 'a b']) {
      expect(visible(text)).toBe(text);
    }
  });

  it('shows controls by name and what hides or reorders by number', () => {
    expect(visible('a\nb\tc\0')).toBe('a⟪LF⟫b⟪TAB⟫c⟪NUL⟫');
    expect(visible('\u001b[31m')).toBe('⟪ESC⟫[31m');
    expect(visible('\u007f\u0085')).toBe('⟪DEL⟫⟪U+0085⟫');
    expect(visible('evil\u202egnp.exe')).toBe('evil⟪U+202E⟫gnp.exe');
    expect(visible('a\u200bb\ufeff\u2028')).toBe('a⟪U+200B⟫b⟪U+FEFF⟫⟪U+2028⟫');
    expect(visible('\u{e0041}')).toBe('⟪U+E0041⟫');
    expect(visible('\ud800x')).toBe('⟪U+D800⟫x');
  });

  it('cuts what is long and says so', () => {
    expect(visible('x'.repeat(1001))).toBe(`${'x'.repeat(1000)}…`);
    expect(visible('x'.repeat(1000))).toHaveLength(1000);
  });

  it('never lets a control, format or separator character through, and does nothing the second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const shown = visible(text, Number.POSITIVE_INFINITY);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(visible(shown, Number.POSITIVE_INFINITY)).toBe(shown);
      }),
    );
  });
});
