import { describe, expect, it } from 'vitest';
import { Btf } from './btf.ts';
import { functionSignature, lsmSignature, rawTracepointSignature } from './signatures.ts';
import { BtfWriter } from './testObjects.ts';

function written(): Btf {
  const w = new BtfWriter();
  w.type('int', 1, 0, 4, [0x01000020]); // 1
  w.type('file', 7, 0, 0); // 2: struct file;
  w.type('', 2, 0, 2); // 3: struct file *
  w.type('', 2, 0, 0); // 4: void *
  w.type('', 13, 2, 1, [w.string('file'), 3, w.string('mode'), 1]); // 5: int (struct file *file, int mode)
  w.type('vfs_open', 12, 1, 5); // 6
  w.type('bpf_lsm_file_open', 12, 1, 5); // 7
  w.type('', 13, 3, 0, [0, 4, 0, 3, 0, 1]); // 8: void (void *, struct file *, int)
  w.type('', 2, 0, 8); // 9
  w.type('btf_trace_opened', 8, 0, 9); // 10
  w.type('', 13, 3, 1, [w.string('__data'), 4, w.string('file'), 3, w.string('flags'), 1]); // 11
  w.type('__traceiter_opened', 12, 1, 11); // 12
  w.type('btf_trace_nameless', 8, 0, 9); // 13
  w.type('', 13, 2, 0, [w.string('format'), 4, 0, 0]); // 14: void (void *format, ...)
  w.type('print', 12, 1, 14); // 15
  return Btf.parse(w.bytes());
}

describe('signatures', () => {
  const btf = written();

  it('gives the arguments and the result of a function', () => {
    expect(functionSignature(btf, 'vfs_open')).toEqual({
      arguments: [
        { name: 'file', type: 'struct file *', size: 8 },
        { name: 'mode', type: 'int', size: 4 },
      ],
      returns: 'int',
    });
    expect(functionSignature(btf, 'print')?.arguments.at(-1)).toEqual({ name: '...', type: '', size: 0 });
    expect(functionSignature(btf, 'file')).toBeNull();
    expect(lsmSignature(btf, 'file_open')?.arguments).toHaveLength(2);
  });

  it('leaves out what programs on a raw tracepoint do not see, and finds names where the typedef has none', () => {
    const names = (event: string) => rawTracepointSignature(btf, event)?.arguments.map((a) => `${a.type} ${a.name}`);
    expect(names('opened')).toEqual(['struct file * file', 'int flags']);
    expect(names('nameless')).toEqual(['struct file * arg1', 'int arg2']);
    expect(rawTracepointSignature(btf, 'closed')).toBeNull();
  });
});
