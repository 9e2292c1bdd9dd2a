export * from './bytes.ts';
export * from './elf.ts';
export * from './btf.ts';
export * from './btfTypes.ts';
