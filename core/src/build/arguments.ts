/** What clang, and every tool that reads C as clang does, is told of a program. */
import { dirname, resolve } from 'node:path';
import { defaultCpu, includeFlags, languageFlags, ownVmlinux, targetMachine } from './flags.ts';
import { projectFlags } from './project/index.ts';

export interface ArgumentOptions {
  /** The source. */
  file: string;
  vmlinuxHeader: string | null;
  resourceDir: string;
  /** More flags, after ours. */
  flags?: readonly string[] | undefined;
  /** Where relative paths in `flags` start; default the source's folder. */
  cwd?: string | undefined;
  /** `uname -m` of the target host; default this machine's. */
  arch?: string | undefined;
  /** clang's -mcpu. */
  cpu?: string | undefined;
  /** Folder of clang's own headers, for compilers that do not find it by themselves; else "". */
  builtinHeaders?: string;
}

export interface ProgramArguments {
  cwd: string;
  /** Where headers are found. */
  includes: string[];
  /** What changes how C is read; a precompiled header is made with the same. */
  language: string[];
  /** The vmlinux.h that the program includes when it includes one. */
  header: string | null;
  /** Flags of the project and the caller's, which `language` ends with. */
  flags: string[];
  /** Build files that the project's flags come from. */
  from: string[];
}

export function programArguments(options: ArgumentOptions): ProgramArguments {
  const file = resolve(options.file);
  const cwd = options.cwd ?? dirname(file);
  const arch = options.arch ?? process.arch;
  const project = projectFlags(file, targetMachine(arch));
  const given = options.flags ?? [];
  const own = ownVmlinux(file, [...given, ...project.includes.map((folder) => `-I${folder}`)], cwd);
  const flags = [...project.defines, ...given];
  const { vmlinuxHeader, resourceDir, cpu = defaultCpu, builtinHeaders = '' } = options;
  const flagOptions = { arch, cpu, resourceDir, builtinHeaders, flags };
  const vmlinuxFolder = vmlinuxHeader === null ? null : dirname(vmlinuxHeader);
  return {
    cwd,
    includes: includeFlags([dirname(file), ...project.includes], vmlinuxFolder, flagOptions),
    language: languageFlags(flagOptions),
    header: own ?? vmlinuxHeader,
    flags,
    from: project.from,
  };
}
