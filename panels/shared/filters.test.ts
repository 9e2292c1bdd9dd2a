import { describe, expect, it } from 'vitest';
import { combined, faultPosition, quoted, valueFilter } from './filters.ts';

describe('valueFilter', () => {
  it('writes numbers bare and text in quotes', () => {
    expect(valueFilter('pid', 'uint', 4242, '==')).toBe('pid == 4242');
    expect(valueFilter('cookie', 'uint', '18446744073709551615', '!=')).toBe('cookie != 18446744073709551615');
    expect(valueFilter('comm', 'chars', '4242', '==')).toBe('comm == "4242"');
    expect(valueFilter('@host', null, 'web-1', '==')).toBe('@host == "web-1"');
    expect(valueFilter('ok', 'bool', true, '==')).toBe('ok == true');
  });

  it('has nothing to offer for structs, missing values and clock times', () => {
    expect(valueFilter('addr', 'struct', { a: 1 }, '==')).toBeNull();
    expect(valueFilter('x', 'int', null, '==')).toBeNull();
    expect(valueFilter('@time', null, '12:36:04.113', '==')).toBeNull();
  });

  it('escapes only what EXPR knows, so that any text comes back as it was', () => {
    expect(quoted('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"');
    expect(quoted('\u001b[0m')).toBe('"\u001b[0m"');
  });
});

describe('combined', () => {
  it('keeps the meaning of what was there', () => {
    expect(combined('  ', 'pid == 1')).toBe('pid == 1');
    expect(combined('a == 1', 'b == 2')).toBe('a == 1 && b == 2');
    expect(combined('a == 1 || c == 3', 'b == 2')).toBe('(a == 1 || c == 3) && b == 2');
  });
});

describe('faultPosition', () => {
  it('takes the given place, else the caret under the expression', () => {
    expect(faultPosition('pid = 1', '', 4)).toBe(4);
    expect(faultPosition('pid = 1', 'pid = 1\n    ^', undefined)).toBe(4);
    expect(faultPosition('pid', 'pid\n   ^', undefined)).toBe(3);
  });

  it('says nothing rather than something wrong', () => {
    expect(faultPosition('pid', 'no caret here', undefined)).toBeNull();
    expect(faultPosition('pid', 'pid\n                ^', undefined)).toBeNull();
    expect(faultPosition('pid', '', 99)).toBeNull();
  });
});
