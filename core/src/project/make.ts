/** Parts that the Makefiles of all languages have. */
import type { ProjectModel } from './model.ts';

/** clang's flags for the program in the kernel. */
export function bpfFlags(model: ProjectModel, includes: string): string {
  const defines = model.defines.length > 0 ? ` ${model.defines.map(shellWord).join(' ')}` : '';
  return `# libbpf's word for this machine's registers.
ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/;s/ppc64le/powerpc/;s/riscv64/riscv/')
BPF_CFLAGS := -g -O2 -Wall -target bpf -mcpu=v3 -std=gnu17 -D__TARGET_ARCH_$(ARCH)${defines} ${includes} \\
	-idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)`;
}

/** Writes the kernel's types as a header. */
export function vmlinuxRule(target: string, more = ''): string {
  return `# The types of this machine's kernel. CO-RE makes the program run on others, too.
VMLINUX_BTF ?= /sys/kernel/btf/vmlinux
${target}:${more}
	$(BPFTOOL) btf dump file $(VMLINUX_BTF) format c > $@`;
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`.replaceAll('$', '$$$$');
}
