/** A project in Go: cilium/ebpf, compiled by bpf2go. */
import type { LocalHeader } from '../localHeaders.ts';
import type { ProjectModel } from '../model.ts';
import type { ProjectFile } from '../files.ts';
import { vmlinuxRule } from '../make.ts';
import { mainText } from './main.ts';
import { GoTypes, recordsText } from './records.ts';

const ebpfVersion = 'v0.22.0';
const sysVersion = 'v0.43.0';

export function goFiles(model: ProjectModel, headers: readonly LocalHeader[]): ProjectFile[] {
  const types = new GoTypes(model);
  const records = recordsText(model, types);
  return [
    { path: 'main.go', text: mainText(model, types) },
    ...(records.includes('\nfunc ') ? [{ path: 'records.go', text: records }] : []),
    { path: 'gen.go', text: generateText(model) },
    { path: 'go.mod', text: moduleText(model) },
    { path: 'Makefile', text: makefile(model, headers) },
  ];
}

function moduleText(model: ProjectModel): string {
  const needsSys = model.hooks.some((hook) => hook.kind === 'perf_event');
  const ebpf = `github.com/cilium/ebpf ${ebpfVersion}`;
  const sys = `golang.org/x/sys ${sysVersion}`;
  // As `go mod tidy` writes it: what the Makefile does changes nothing.
  const required = needsSys ? `require (\n\t${ebpf}\n\t${sys}\n)` : `require ${ebpf}\n\nrequire ${sys} // indirect`;
  // A name with a dot before its first slash is never that of a package of Go: "maps" alone is one.
  return `module example.com/${model.name.toLowerCase()}

go 1.25.0

tool github.com/cilium/ebpf/cmd/bpf2go

${required}
`;
}

function generateText(model: ProjectModel): string {
  const defines = model.defines.map((define) => ` ${JSON.stringify(define)}`).join('');
  return `package main

// Writes the program, compiled for this machine, and its loader to bpf_*.go.
//go:generate go tool bpf2go -cc $CLANG -target $GOARCH bpf ${model.name}.bpf.c -- -I. -O2 -Wall -std=gnu17 -mcpu=v3 -idirafter $MACHINE_HEADERS${defines}
`;
}

function makefile(model: ProjectModel, headers: readonly LocalHeader[]): string {
  const { name, usesVmlinux } = model;
  const inputs = [
    `${name}.bpf.c`,
    ...headers.map((header) => header.name),
    'gen.go',
    ...(usesVmlinux ? ['vmlinux.h'] : []),
    'go.sum',
  ];
  return `# make builds ./${name}; it is run as root.
CLANG ?= clang
BPFTOOL ?= bpftool
GO ?= go
export CLANG
# Where <asm/types.h> is, which clang finds by itself for this machine's own target only.
export MACHINE_HEADERS := /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)

${name}: $(wildcard *.go) .generated
	CGO_ENABLED=0 $(GO) build -o $@ .

.generated: ${inputs.join(' ')}
	$(GO) generate
	touch $@

go.sum: go.mod
	$(GO) mod download all
	$(GO) mod tidy -e
	touch $@
${usesVmlinux ? `\n${vmlinuxRule('vmlinux.h')}\n` : ''}
clean:
	rm -f ${name} bpf_*.go bpf_*.o .generated${usesVmlinux ? ' vmlinux.h' : ''}

.PHONY: clean
.DELETE_ON_ERROR:
`;
}
