export { programArguments, type ArgumentOptions, type ProgramArguments } from './arguments.ts';
export { buildObject, needsVmlinux, objectCachePath, warmUp, type BuildOptions } from './build.ts';
export { cachedBtf } from './btfCache.ts';
export { defaultCacheDir, sha256Hex, writeAtomically } from './cache.ts';
export { findCompiler, installCommand, type CompilerCommand, type FindCompilerOptions } from './compiler.ts';
export { readAhead } from './excerpt.ts';
export { findClangd } from './clangd.ts';
export { cpuOfKernel, defaultCpu, plainCpu, reportFlags, targetArch } from './flags.ts';
export { writeVmlinuxHeader } from './vmlinux.ts';
export {
  cachedVmlinuxHeader,
  importHeader,
  localBtf,
  localVmlinuxHeader,
  vmlinuxHeader,
  vmlinuxHeaderOfFile,
} from './vmlinuxCache.ts';
export { sentObject } from './sent.ts';
export { stripDwarf } from './strip.ts';
