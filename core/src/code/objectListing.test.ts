import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RingsideError } from '../errors.ts';
import { listObject } from './objectListing.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures');
const read = (path: string): Uint8Array => readFileSync(join(fixtures, path));

describe('a BPF object as a document', () => {
  it('has its programs, maps, code with source, types, relocations and sections', async () => {
    const { text } = listObject(read('objects/exec.bpf.o'), 'exec.bpf.o');
    await expect(text).toMatchFileSnapshot(join(fixtures, 'objects/exec.bpf.o.listing.txt'));
  });

  it('says for each line of source where it stands', () => {
    const { text, places } = listObject(read('objects/exec.bpf.o'), 'exec.bpf.o');
    const lines = text.split('\n');
    expect(places.size).toBeGreaterThan(5);
    for (const [at, { file, line }] of places) {
      expect(file).toMatch(/\.c$|\.h$/);
      expect(lines[at]).toContain(`:${line}`);
    }
  });

  it('reads every object of the repository', () => {
    const objects = readdirSync(join(fixtures, 'objects')).filter((name) => name.endsWith('.o'));
    expect(objects.length).toBeGreaterThan(3);
    for (const name of objects) {
      const { text } = listObject(read(`objects/${name}`), name);
      expect(text).not.toMatch(/undefined|NaN|\[object/);
      expect(text).toContain('exit');
    }
  });

  it.each([
    ['nothing', new Uint8Array(0), 'not-elf'],
    ['a text', new TextEncoder().encode('int main(void) { return 0; }\n'.repeat(9)), 'not-elf'],
    ['half of an object', read('objects/exec.bpf.o').subarray(0, 700), 'object-malformed'],
  ])('of %s is an error that says what it is', (_name, bytes, code) => {
    try {
      listObject(bytes, 'x.bpf.o');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RingsideError);
      expect((error as RingsideError).code).toBe(code);
    }
  });

  it('of damaged bytes is a document, or an error of its own', () => {
    const whole = read('objects/exec.bpf.o');
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, value, length) => {
        const bytes = Uint8Array.from(whole.subarray(0, Math.max(length, 64)));
        if (at < bytes.length) bytes[at] = value;
        try {
          expect(listObject(bytes, 'x').text).toContain('SECTIONS');
        } catch (error) {
          expect(error).toBeInstanceOf(RingsideError);
        }
      }),
      { numRuns: 200 },
    );
  });
});
