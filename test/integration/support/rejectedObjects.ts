/** Objects of the set of rejected programs as the repository keeps them: no path of the machine that built them is in them. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { BpfObject } from '../../../core/src/bpf/index.ts';
import { rejectedFolder } from '../../../core/src/verifier/testGolden.ts';

const execFileAsync = promisify(execFile);

/** Compiles a program with Ringside's own flags, in its folder. `compiler` is a path of clang. */
export async function buildRejected(compiler: string, name: string, cpu: string, output: string): Promise<void> {
  const flags = `-target bpf -g -O2 -std=gnu17 -mcpu=${cpu} -D__TARGET_ARCH_x86 -fno-stack-protector -Wno-missing-declarations -fdebug-compilation-dir=.`;
  const include = ['-I', '../../../core/resources/libbpf'];
  await execFileAsync(compiler, [...flags.split(' '), ...include, '-c', `${name}.bpf.c`, '-o', output], {
    cwd: rejectedFolder,
  });
}

/** True when both objects have the same instructions. */
export function sameCode(a: string, b: string): boolean {
  const [left, right] = [a, b].map((file) => {
    const { functions } = BpfObject.parse(readFileSync(file));
    return functions.map(({ name, section, offset, size }) => ({
      name,
      code: Buffer.from(section.data.subarray(offset, offset + size)).toString('hex'),
    }));
  });
  return JSON.stringify(left) === JSON.stringify(right);
}
