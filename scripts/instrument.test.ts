/** The fuzzers of test/fuzz find what is hidden behind comparisons, which blind changes never would. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Fuzzer, type Feedback } from '../test/fuzz/engine.ts';
import { instrumentation } from './lib/instrument.mjs';

const source = `
  export function target(bytes: Uint8Array): string {
    if (bytes.length < 12) return 'short';
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.getUint32(0, true) !== 0xeb9f1234) return 'no magic';
    const name = new TextDecoder('latin1').decode(bytes.subarray(4, 8));
    switch (name) {
      case 'maps':
        return view.getUint32(8, true) === bytes.length * 3 ? deep() : 'maps';
      default:
        return bytes.length > 20 && bytes[9] === 7 ? 'long' : 'other';
    }
  }
  const deep = (): string => {
    throw new Error('found');
  };
`;

let folder: string;
let target: (bytes: Uint8Array) => string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-instrument-'));
  writeFileSync(join(folder, 'target.ts'), source);
  const { plugin, banner } = instrumentation((file: string) => file.startsWith(folder));
  const entryPoints = [join(folder, 'target.ts')];
  const built = await build({ entryPoints, bundle: true, format: 'esm', write: false, plugins: [plugin] });
  const file = join(folder, 'target.mjs');
  writeFileSync(file, banner() + built.outputFiles[0]!.text);
  ({ target } = (await import(/* @vite-ignore */ file)) as { target: typeof target });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const feedback = (): Feedback => (globalThis as unknown as { __fuzz: Feedback }).__fuzz;

it('leaves what the code does as it is', () => {
  expect(target(new Uint8Array(3))).toBe('short');
  expect(target(new Uint8Array(20))).toBe('no magic');
  const named = Uint8Array.from([0x34, 0x12, 0x9f, 0xeb, ...Buffer.from('maps'), 0, 0, 0, 0]);
  expect(target(named)).toBe('maps');
  named.set(Buffer.from('else'), 4);
  expect(target(named)).toBe('other');
});

it('collects the words of the source', () => {
  expect(feedback().words).toEqual(expect.arrayContaining(['maps', 'other', 0xeb9f1234, 12]));
});

it('finds its way by what was covered and compared', () => {
  const fuzzer = new Fuzzer((bytes) => void target(bytes), feedback(), 64, 1);
  fuzzer.add(new Uint8Array(12));
  expect(() => {
    for (let runs = 0; runs < 400_000; runs++) fuzzer.add(fuzzer.next());
  }).toThrow('found');
  expect(fuzzer.corpus.length).toBeGreaterThan(3);
});
