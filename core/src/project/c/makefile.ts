/** The Makefile of a project in C. */
import type { ProjectModel } from '../model.ts';
import { bpfFlags, vmlinuxRule } from '../make.ts';

/** @param headers local headers of the program, by name */
export function cMakefile(model: ProjectModel, headers: readonly string[], header: string): string {
  const { name } = model;
  const vmlinux = model.usesVmlinux ? ' $(OUT)/vmlinux.h' : '';
  return `# make builds ./${name}; it is run as root.
CLANG ?= clang
BPFTOOL ?= bpftool
OUT ?= build
CFLAGS ?= -g -O2 -Wall

LIBBPF_CFLAGS := $(shell pkg-config --cflags libbpf)
LIBBPF_LIBS := $(shell pkg-config --libs libbpf)
${bpfFlags(model, '-I. -I$(OUT) $(LIBBPF_CFLAGS)')}

${name}: $(OUT)/${name}.o
	$(CC) $(CFLAGS) $(LDFLAGS) $< $(LIBBPF_LIBS) -o $@

$(OUT)/${name}.o: ${name}.c ${header} $(OUT)/${name}.skel.h
	$(CC) $(CFLAGS) -I. -I$(OUT) $(LIBBPF_CFLAGS) -c $< -o $@

$(OUT)/${name}.skel.h: $(OUT)/${name}.bpf.o
	$(BPFTOOL) gen skeleton $< name ${name}_bpf > $@

$(OUT)/${name}.bpf.o: ${[`${name}.bpf.c`, header, ...headers].filter((file, i, all) => all.indexOf(file) === i).join(' ')}${vmlinux} | $(OUT)
	$(CLANG) $(BPF_CFLAGS) -c $< -o $@
${model.usesVmlinux ? `\n${vmlinuxRule('$(OUT)/vmlinux.h', ' | $(OUT)')}\n` : ''}
$(OUT):
	mkdir -p $@

clean:
	rm -rf $(OUT) ${name}

.PHONY: clean
.DELETE_ON_ERROR:
`;
}
