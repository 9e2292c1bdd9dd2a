/** Externs (kfuncs, ksyms, kconfig) that an object refers to and whose BTF does not describe them: libbpf refuses those. */
import type { BpfObject } from './object.ts';

const UNDEFINED_SECTION = 0;

/** Their names; none for an object without BTF, which cannot describe any. */
export function untypedExterns({ elf, btf }: BpfObject): string[] {
  if (btf === null) return [];
  const described = (name: string): boolean =>
    btf.findByName(name).some((id) => btf.kind(id) === 'func' || btf.kind(id) === 'var');
  return elf.symbols
    .filter(({ section, name }) => section === UNDEFINED_SECTION && name !== '' && !described(name))
    .map(({ name }) => name);
}
