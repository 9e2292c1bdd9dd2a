import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const libbpf = join(import.meta.dirname, '../../resources/libbpf');

describe("libbpf's headers", () => {
  it('are all there: what one includes of libbpf is bundled too', () => {
    const names = readdirSync(join(libbpf, 'bpf'));
    expect(names.sort()).toEqual([
      ...['bpf_core_read.h', 'bpf_endian.h', 'bpf_helper_defs.h', 'bpf_helpers.h', 'bpf_tracing.h', 'usdt.bpf.h'],
    ]);
    for (const name of names) {
      const text = readFileSync(join(libbpf, 'bpf', name), 'utf8');
      for (const [, wanted] of text.matchAll(/^\s*#\s*include\s*[<"](?:bpf\/)?([^>"/]+)[>"]/gm)) {
        if (wanted !== 'linux/errno.h') expect(names, `${name} includes ${wanted!}`).toContain(wanted);
      }
    }
  });

  it('come with their licence and version', () => {
    expect(readFileSync(join(libbpf, 'LICENSE.BSD-2-Clause'), 'utf8')).toContain('BSD-2-Clause');
    expect(readFileSync(join(libbpf, 'README.md'), 'utf8')).toMatch(/libbpf \d+\.\d+/);
  });
});
