/** clangd for the server's open programs, when there is one to run. */
import { findClangd, programArguments, reportFlags } from '@ringside/core/build';
import type { AnalysedDocument } from '../analysis.ts';
import type { InitializationOptions } from '../protocol.ts';
import { ClangdChild } from './child.ts';
import { Clangd } from './clangd.ts';

export interface MakeServices {
  /** An open program; null when it is closed. */
  program(uri: string): AnalysedDocument | null;
  needsVmlinux(file: string, text: string): boolean;
  /** Of the kernel that is written for. Error: `no-vmlinux`. */
  header(): Promise<string>;
  arch(): string | undefined;
  log(message: string): void;
}

/** A larger source is generated, or none. */
const MAX_TEXT = 1 << 20;

/** null when the client has a clangd of its own, none is installed, or nothing may run. */
export function makeClangd(options: InitializationOptions, services: MakeServices): Clangd | null {
  const { clangd, trusted, resourceDir } = options;
  if (!clangd || !trusted) return null;
  const path = findClangd(clangd.path);
  if (path === null) {
    const where = clangd.path === '' ? 'is not installed' : `is not at ${clangd.path}`;
    services.log(`clangd ${where}: references and rename are those of one file, formatting is not offered`);
    return null;
  }
  return new Clangd({
    start: () => {
      services.log(`clangd is started: ${path}`);
      return new ClangdChild({ path });
    },
    document: (uri) => {
      const program = services.program(uri);
      return program && program.text.length <= MAX_TEXT && !program.text.includes('\0') ? program : null;
    },
    command: async (uri) => {
      const program = services.program(uri);
      if (!program) throw new Error('it is closed');
      const { file, text } = program;
      // Without a kernel's header the rest of the program is still C.
      const wanted = services.needsVmlinux(file, text);
      const vmlinuxHeader = wanted ? await services.header().catch(() => null) : null;
      const { cwd, includes, language } = programArguments({ file, vmlinuxHeader, resourceDir, arch: services.arch() });
      return { file, cwd, arguments: [...includes, ...language] };
    },
    log: (message) => services.log(message),
  });
}

/** The flags of a syntax check that say what the source means: those that `command` gives, and folders found since. */
export function withoutReporting(flags: readonly string[]): string[] {
  return flags.filter((flag) => flag !== '-fsyntax-only' && !reportFlags.includes(flag));
}
