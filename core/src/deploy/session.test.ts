import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MarkerReader, type Marker } from './session.ts';

const nonce = '0123456789abcdef';
const prompt = '[fedcba9876543210]';

function read(chunks: Buffer[]): { found: (Marker | 'prompt')[]; reader: MarkerReader } {
  const reader = new MarkerReader(nonce, prompt);
  const found: (Marker | 'prompt')[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let next = reader.next(); next !== undefined; next = reader.next()) found.push(next);
  }
  return { found, reader };
}

describe('markers', () => {
  const text = `Welcome!\n@${nonce} host Linux x86_64 1000 dev\nlecture\n${prompt}${prompt}@${nonce} up 0\n@wrong start /x\n@${nonce} start /a b\nrest of it`;
  const expected = [
    { word: 'host', text: 'Linux x86_64 1000 dev' },
    'prompt',
    'prompt',
    { word: 'up', text: '0' },
    { word: 'start', text: '/a b' },
  ];

  it('are found however the bytes are cut, and the rest is kept', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 }), (sizes) => {
        const bytes = Buffer.from(text);
        const chunks: Buffer[] = [];
        let offset = 0;
        for (const size of [...sizes, bytes.length]) {
          chunks.push(bytes.subarray(offset, offset + size));
          offset += size;
        }
        const { found, reader } = read(chunks);
        expect(found).toEqual(expected);
        expect(reader.noise).toBe('Welcome!\nlecture\n@wrong start /x\nrest of it');
        expect(reader.rest().toString()).toBe('rest of it');
      }),
    );
  });

  it('a flood without line ends stays bounded', () => {
    const { found, reader } = read(Array.from({ length: 64 }, () => Buffer.alloc(64 * 1024, 'x')));
    expect(found).toEqual([]);
    expect(reader.noise.length).toBeLessThanOrEqual(32 * 1024 + 1);
    expect(reader.rest().length).toBeLessThanOrEqual(64 * 1024);
  });

  it('bytes of any kind never fail', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void read([Buffer.from(bytes)])));
  });

  it('control characters do not come through', () => {
    expect(read([Buffer.from(`@${nonce} fail no-space \u001b[2Jx\n`)]).found).toEqual([
      { word: 'fail', text: 'no-space  [2Jx' },
    ]);
  });
});
