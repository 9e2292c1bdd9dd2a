/** The command line for a BPF program: what is always there, and what depends on the target. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { diagnosticFlags } from './diagnostics.ts';

/** Names of `uname -m` (and Node's) that Ringside's agent runs on, with libbpf's word for the registers' layout. */
const targetArchs: Record<string, string> = {
  x86_64: 'x86',
  x64: 'x86',
  amd64: 'x86',
  aarch64: 'arm64',
  arm64: 'arm64',
};

/** The value of `__TARGET_ARCH_…` for a machine name; other machines keep their own name, as libbpf spells most. */
export function targetArch(machine: string): string {
  return (
    targetArchs[machine] ??
    machine
      .replace(/^ppc.*/, 'powerpc')
      .replace(/^s390.*/, 's390')
      .replace(/^riscv.*/, 'riscv')
  );
}

const kernelNames: Readonly<Record<string, string>> = { x64: 'x86_64', amd64: 'x86_64', arm64: 'aarch64' };

/** A machine as `uname -m` and as libbpf call it. */
export function targetMachine(machine: string): { name: string; arch: string } {
  return { name: kernelNames[machine] ?? machine, arch: targetArch(machine) };
}

/** For a build that no host is named for: what kernels from 5.1 on take. */
export const defaultCpu = 'v3';
/** The plain instruction set, for what a verifier refuses in a newer one. */
export const plainCpu = 'v2';

/**
 * The newest instruction set that a kernel and the compiler both know: 32-bit jumps came with Linux 5.1, sign extension
 * and 32-bit far jumps with 6.6 on x86-64 and 6.7 elsewhere.
 */
export function cpuOfKernel(release: string, arch: string, clangMajor: number): string {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  const version = Number(major) * 1000 + Number(minor);
  if (version === 0) return defaultCpu;
  if (version >= (targetArch(arch) === 'x86' ? 6006 : 6007) && clangMajor >= 18) return 'v4';
  if (version >= 5001) return 'v3';
  return version >= 4014 ? 'v2' : 'v1';
}

export interface FlagOptions {
  /** `uname -m` of the target host. */
  arch: string;
  /** clang's -mcpu. */
  cpu: string;
  resourceDir: string;
  /** Folder of clang's own headers, for compilers that do not find it by themselves; else "". */
  builtinHeaders: string;
  /** The user's flags, after ours, so that they win. */
  flags?: readonly string[] | undefined;
}

/**
 * Flags that a program and the precompiled header of its vmlinux.h share: those that change how C is read. clang
 * refuses a precompiled header that was made with others.
 */
export function languageFlags(options: FlagOptions): string[] {
  return [
    '-target',
    'bpf',
    '-g',
    '-O2',
    '-std=gnu17',
    `-mcpu=${options.cpu}`,
    `-D__TARGET_ARCH_${targetArch(options.arch)}`,
    // Distributions switch it on for every target, and BPF has no room for it.
    '-fno-stack-protector',
    '-Wall',
    // Headers written by bpftool declare nothing in some anonymous unions; a program cannot help that.
    '-Wno-missing-declarations',
    ...(options.flags ?? []),
  ];
}

/** Where headers are found: the program's own folder and its project's first, so that its own vmlinux.h or bpf/ wins. */
export function includeFlags(
  projectFolders: readonly string[],
  vmlinuxFolder: string | null,
  options: FlagOptions,
): string[] {
  const flags = projectFolders.flatMap((folder) => ['-I', folder]);
  if (vmlinuxFolder !== null) flags.push('-isystem', vmlinuxFolder);
  flags.push('-isystem', join(options.resourceDir, 'resources', 'libbpf'));
  // lost.h of the gallery, for programs that were copied without it.
  flags.push('-isystem', join(options.resourceDir, 'bpf-snippets', 'include'));
  if (options.builtinHeaders !== '') flags.push('-isystem', options.builtinHeaders);
  // A program without vmlinux.h takes <linux/bpf.h>, whose <asm/types.h> stands in a folder that clang adds only for
  // the machine's own target.
  for (const folder of systemFolders()) flags.push('-idirafter', folder);
  flags.push('-idirafter', join(options.resourceDir, 'resources', 'compat'));
  return flags;
}

function systemFolders(): string[] {
  if (process.platform !== 'linux') return [];
  const triple = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  return [`/usr/include/${triple}`].filter((folder) => existsSync(folder));
}

/** Flags for how clang reports. */
export const reportFlags: readonly string[] = diagnosticFlags;

/** The project's own header that `#include "vmlinux.h"` of this file finds first, or null. */
export function ownVmlinux(file: string, flags: readonly string[] = [], cwd = dirname(file)): string | null {
  const folders = [dirname(file)];
  flags.forEach((flag, i) => {
    if ((flag === '-I' || flag === '-iquote') && flags[i + 1] !== undefined) folders.push(flags[i + 1]!);
    else if (flag.startsWith('-I') && flag.length > 2) folders.push(flag.slice(2));
  });
  return folders.map((folder) => resolve(cwd, folder, 'vmlinux.h')).find((path) => existsSync(path)) ?? null;
}
