/** README.md of a project: what it is, what to install, how to build and run it. */
import type { Hook, ProjectLanguage, ProjectModel } from './model.ts';

const install: Record<ProjectLanguage, { debian: string; fedora: string; more: string }> = {
  c: {
    debian: 'clang make gcc pkg-config libbpf-dev bpftool',
    fedora: 'clang make gcc pkgconf libbpf-devel bpftool',
    more: '',
  },
  go: {
    debian: 'clang llvm make libbpf-dev bpftool golang',
    fedora: 'clang llvm make libbpf-devel bpftool golang',
    more: 'Go 1.24 or newer is needed; `go generate` fetches bpf2go by itself.',
  },
  rust: {
    debian: 'clang make pkg-config libelf-dev zlib1g-dev bpftool rustfmt cargo',
    fedora: 'clang make pkgconf elfutils-libelf-devel zlib-devel bpftool rustfmt cargo',
    more: 'Rust 1.82 or newer is needed. libbpf itself is built with it.',
  },
};

export function readmeText(model: ProjectModel, language: ProjectLanguage): string {
  const { name, hooks, knobs, options, streams, tables } = model;
  const { debian, fedora, more } = install[language];
  const command = [
    'sudo',
    runs(name, language),
    ...options.filter((o) => o.initial === null).map((o) => `--${o.flag} …`),
  ].join(' ');
  const left = hooks.filter((hook) => isLeft(hook, language));
  return [
    `# ${name}`,
    `${list(hooks.map((hook) => `\`${hook.program}\` (\`SEC("${hook.section}")\`)`))} in the kernel, with a program that loads, attaches and ${shows(streams.length, tables.length)}.`,
    '## Build',
    `    sudo apt install ${debian}\n    sudo dnf install ${fedora}`,
    more,
    'Then:',
    `    make\n    ${command}`,
    'The kernel that it is built on needs BTF (`/sys/kernel/btf/vmlinux`); the program then runs on other kernels, too.',
    ...(options.length + knobs.length === 0
      ? []
      : [
          '## Options',
          table([
            ['option', 'what', 'unless it is given'],
            ...options.map((o) => [`--${o.flag}`, o.help, o.initial ?? 'it is needed']),
            ...knobs.map((k) => [
              `--${k.flag}`,
              `\`${k.name}\`, ${k.type.replaceAll('|', '\\|')}`,
              k.initial || 'as the program has it',
            ]),
          ]),
        ]),
    ...(left.length === 0
      ? []
      : [
          '## Left to you',
          `${list(left.map((hook) => `\`${hook.program}\` (\`SEC("${hook.section}")\`)`))}: ${left.length === 1 ? 'it is' : 'they are'} loaded as far as ${left.length === 1 ? 'its' : 'their'} section says, and not attached.`,
        ]),
    '## Files',
    table([['file', 'what'], ...files(name, language)]),
    `Licence of the program in the kernel: ${model.license || 'none, so GPL-only helpers are refused'}.`,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

/** What this language's library does not attach. */
export function isLeft(hook: Hook, language: ProjectLanguage): boolean {
  return hook.kind === 'none' || (language === 'go' && goCannot(hook));
}

/** cilium/ebpf has no static probes of programs, and takes no patterns. */
export function goCannot({ kind, attach, target }: Hook): boolean {
  if (kind === 'usdt') return true;
  if (kind !== 'auto') return false;
  return (
    !/^(kprobe|kretprobe|ksyscall|kretsyscall|kprobe\.multi|kretprobe\.multi|tracepoint|raw_tp|tp_btf|fentry|fexit|fmod_ret|lsm|iter|uprobe|uretprobe)$/.test(
      attach,
    ) || /[*?]/.test(target ?? '')
  );
}

function runs(name: string, language: ProjectLanguage): string {
  return language === 'rust' ? `./target/release/${name}` : `./${name}`;
}

function shows(streams: number, tables: number): string {
  if (streams > 0) return 'prints each record, field by field';
  return tables > 0 ? 'prints the maps once a second' : 'waits for Ctrl+C';
}

function files(name: string, language: ProjectLanguage): string[][] {
  const kernel = [`\`${name}.bpf.c\``, 'the program in the kernel'];
  switch (language) {
    case 'c':
      return [
        kernel,
        [`\`${name}.c\``, 'its user space'],
        ['`Makefile`', 'compiles, and makes the skeleton with bpftool'],
      ];
    case 'go':
      return [
        kernel,
        ['`main.go`', 'its user space'],
        ['`records.go`', 'its types, read from bytes'],
        ['`gen.go`', 'compiles it by `go generate`'],
      ];
    case 'rust':
      return [
        kernel,
        ['`src/main.rs`', 'its user space'],
        ['`src/records.rs`', 'its types, read from bytes'],
        ['`build.rs`', 'compiles it with libbpf-cargo'],
      ];
  }
}

function list(items: string[]): string {
  return items.length < 2 ? (items[0] ?? 'Nothing') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)!}`;
}

function table([head = [], ...rows]: string[][]): string {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)));
  const line = (cells: string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
