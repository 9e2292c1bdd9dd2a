import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BpfObject } from '../bpf/index.ts';
import { walkedInsns, WalkedLines } from './walkedLines.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures/verifier');

it('finds the instructions of a log among its other lines', () => {
  const log =
    '0: R1=ctx() R10=fp0\n; int x @ a.c:1\n0: (b7) r0 = 0   ; R0=0\n12: (95) exit\nfrom 1 to 3: R0=0\n3: safe\n007: (';
  expect(walkedInsns(Buffer.from(log))).toEqual(new Set([0, 12, 7]));
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect([...walkedInsns(bytes)].every((number) => Number.isInteger(number))).toBe(true);
    }),
  );
});

it('tells which lines were walked, of a program that was accepted whole and of one that was left in its middle', () => {
  const lines = (name: string) => {
    const object = BpfObject.parse(readFileSync(join(fixtures, `${name}.o`)));
    const all = new WalkedLines(object, `/src/${name}.bpf.c`);
    all.add(object.programs[0]!.name, walkedInsns(readFileSync(join(fixtures, `${name}.log`))));
    return all.files();
  };
  const [accepted] = lines('accepted');
  expect(accepted!.file).toMatch(/accepted\.bpf\.c$/);
  expect(accepted!.lines.length).toBeGreaterThan(2);
  expect(accepted!.lines.every(({ walked, instructions }) => walked <= instructions && instructions > 0)).toBe(true);
  const rejected = lines('packet-bounds').flatMap((file) => file.lines);
  expect(rejected.some(({ walked }) => walked > 0)).toBe(true);
  expect(rejected.some(({ walked }) => walked === 0)).toBe(true);
});
