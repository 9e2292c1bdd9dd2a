// @vitest-environment happy-dom
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { drawSpark, numbersOf, sparkPath } from './spark.ts';

test('a trend is a line with its words; without numbers there is no picture that would have no name', () => {
  const cell = document.createElement('div');
  drawSpark(cell, '');
  expect(cell.childNodes).toHaveLength(0);
  drawSpark(cell, '0,340,12');
  const drawn = cell.firstElementChild!;
  expect(drawn.getAttribute('aria-label')).toBe('now 12, from 0 to 340 a second');
  expect(drawn.firstElementChild!.getAttribute('d')).toBe('M0.0 13.0L50.0 1.0L100.0 12.6');
  drawSpark(cell, '7');
  expect(cell.firstElementChild).toBe(drawn);
  drawSpark(cell, '');
  expect(cell.childNodes).toHaveLength(0);
});

test('any text of a cell gives a line within the cell, or none', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.array(fc.integer()).map(String)), (text) => {
      const path = sparkPath(numbersOf(text));
      expect(path).toMatch(/^(M[\d.]+ [\d.]+(L[\d.]+ [\d.]+)*)?$/);
      for (const [, x, y] of path.matchAll(/[ML]([\d.]+) ([\d.]+)/g)) {
        expect(Number(x)).toBeLessThanOrEqual(100);
        expect(Number(y)).toBeLessThanOrEqual(14);
      }
    }),
  );
});
