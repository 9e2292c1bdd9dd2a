import fc from 'fast-check';
import { expect, test } from 'vitest';
import { zipEntries } from './lib/zip.mjs';

/** A zip archive with stored (not compressed) members: local headers, central directory, end record. */
function zip(members: [string, string][]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const [name, text] of members) {
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt32LE(text.length, 18);
    local.writeUInt32LE(text.length, 22);
    local.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt32LE(text.length, 20);
    entry.writeUInt32LE(text.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    locals.push(local, Buffer.from(name), Buffer.from(text));
    central.push(entry, Buffer.from(name));
    at += 30 + name.length + text.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(Buffer.concat(central).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, ...central, end]);
}

test('names and sizes, sorted', () => {
  const archive = zip([
    ['b.txt', 'hello'],
    ['a/c.txt', ''],
  ]);
  expect(zipEntries(archive)).toEqual([
    { name: 'a/c.txt', size: 0, compressed: 0 },
    { name: 'b.txt', size: 5, compressed: 5 },
  ]);
});

test('what is no zip archive is refused', () => {
  expect(() => zipEntries(Buffer.from('hello'))).toThrow('no zip archive');
});

test('a directory that lies outside of the file is refused', () => {
  const archive = zip([['a', 'b']]);
  archive.writeUInt32LE(0xfffffff0, archive.length - 6);
  expect(() => zipEntries(archive)).toThrow('entry 0 of 1 is damaged');
});

test('damaged archives end in an answer or an Error, never in a hang or a crash', () => {
  const whole = zip([
    ['one', '1'],
    ['two', '22'],
  ]);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
      const damaged = Buffer.from(whole);
      damaged[at] = value;
      try {
        expect(Array.isArray(zipEntries(damaged))).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});
