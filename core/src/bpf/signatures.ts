/** What a program gets at a place in the kernel: the arguments of functions, raw tracepoints and LSM hooks, from BTF. */
import type { Btf } from './btf.ts';
import type { BtfFuncProto } from './btfTypes.ts';

export interface SignatureArgument {
  name: string;
  type: string;
  size: number;
}
export interface Signature {
  arguments: SignatureArgument[];
  /** "" = void. */
  returns: string;
}

/** Of a kernel function; null when BTF does not describe it. */
export function functionSignature(btf: Btf, name: string): Signature | null {
  const proto = functionProto(btf, name);
  return proto && signature(btf, proto.params, proto.type);
}

/** Of an LSM hook by its plain name ("file_open"). */
export function lsmSignature(btf: Btf, hook: string): Signature | null {
  return functionSignature(btf, `bpf_lsm_${hook}`);
}

/**
 * Of a raw tracepoint (raw_tp, tp_btf). The typedef that the kernel checks programs against has no names for its
 * parameters; functions that the tracepoint's macros make have.
 */
export function rawTracepointSignature(btf: Btf, name: string): Signature | null {
  const typedef = btf.findByNameKind(`btf_trace_${name}`, 'typedef');
  if (typedef === null) return null;
  const pointer = btf.resolve(typedef);
  const proto = pointer.kind === 'ptr' ? btf.resolve(pointer.type) : null;
  if (proto?.kind !== 'func_proto') return null;
  const named = ['__traceiter_', '__probestub_', '__bpf_trace_']
    .map((prefix) => functionProto(btf, prefix + name))
    .find((other) => other?.params.length === proto.params.length);
  // The first one is the kernel's own (void *__data), which programs do not see.
  const params = proto.params.map((param, i) => ({ type: param.type, name: named?.params[i]!.name ?? param.name }));
  return signature(btf, params.slice(1), 0);
}

function functionProto(btf: Btf, name: string): BtfFuncProto | null {
  const id = btf.findByNameKind(name, 'func');
  const func = id === null ? null : btf.type(id);
  const proto = func?.kind === 'func' ? btf.type(func.type) : null;
  return proto?.kind === 'func_proto' ? proto : null;
}

function signature(btf: Btf, params: { name: string; type: number }[], returns: number): Signature {
  return {
    arguments: params.map(({ name, type }, i) =>
      type === 0
        ? { name: '...', type: '', size: 0 }
        : { name: name || `arg${i + 1}`, type: btf.cName(type), size: btf.sizeOf(type) },
    ),
    returns: returns === 0 ? '' : btf.cName(returns),
  };
}
