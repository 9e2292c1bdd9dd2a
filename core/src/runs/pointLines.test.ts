import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPointLines } from './pointLines.ts';

const word = fc.string().map((text) => text.replaceAll(/[\t\n]/g, ' '));
const field = fc.record({ name: word, type: word, offset: fc.nat(), size: fc.nat() });

test('each line is a name with its fields', () => {
  const points = fc.array(fc.record({ name: word, fields: fc.array(field) }));
  fc.assert(
    fc.property(points, (list) => {
      const line = ({ name, fields }: (typeof list)[number]): string =>
        [name, ...fields.flatMap((f) => [f.name, f.type, f.offset, f.size])].join('\t');
      expect(readPointLines(list.map((point) => `${line(point)}\n`).join(''))).toEqual(list);
    }),
  );
});

test('any text is read, and a line that was cut loses its last field only', () => {
  fc.assert(fc.property(fc.string(), (text) => void readPointLines(text)));
  expect(readPointLines('a\tx\tint\t0\t4\ty\tint\t4\n')).toEqual([
    { name: 'a', fields: [{ name: 'x', type: 'int', offset: 0, size: 4 }] },
  ]);
});
