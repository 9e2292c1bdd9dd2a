import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { coalesceWrites } from './socket.ts';

/** What reached the other side, an element for each call of the system. */
function sink() {
  const calls: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      calls.push(chunk.toString());
      done();
    },
    writev(chunks, done) {
      calls.push(chunks.map(({ chunk }) => (chunk as Buffer).toString()).join(''));
      done();
    },
  });
  return { stream: coalesceWrites(stream), calls };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('coalesceWrites', () => {
  it('lets what is written in one turn go out at once, in order', async () => {
    const { stream, calls } = sink();
    for (const piece of ['length', 'packet', 'tag']) stream.write(piece);
    expect(calls).toEqual([]);
    await turn();
    expect(calls).toEqual(['lengthpackettag']);
    stream.write('next');
    await turn();
    expect(calls).toEqual(['lengthpackettag', 'next']);
  });

  it('tells each writer when its piece is written', async () => {
    const { stream } = sink();
    const written: number[] = [];
    stream.write('a', () => written.push(1));
    stream.write('b', 'utf8', () => written.push(2));
    await turn();
    expect(written).toEqual([1, 2]);
  });

  it('loses nothing when the stream ends in the same turn', async () => {
    const { stream, calls } = sink();
    stream.write('last words');
    stream.end();
    await turn();
    expect(calls).toEqual(['last words']);
  });
});
