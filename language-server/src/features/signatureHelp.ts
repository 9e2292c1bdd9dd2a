/** The parameters of the helper, kfunc or macro that is being called. */
import type { SignatureHelp } from 'vscode-languageserver';
import type { Analysis } from '../analysis.ts';
import { callAt, coreReadMacros, tokenBefore } from '../c/place.ts';
import { helperSignature } from './texts.ts';

export function signatureHelp({ source, world }: Analysis, offset: number): SignatureHelp | null {
  if (!source.model.whole) return null;
  const call = callAt(source.tokens, tokenBefore(source.tokens, offset));
  if (!call) return null;
  const { text: name } = call.name;
  const helper = world.helpers.get(name);
  if (helper) {
    const parameters = helper.parameters.map((parameter) => ({ label: parameter.text }));
    return help(helperSignature(helper), parameters, call.argument);
  }
  const skip = coreReadMacros.get(name);
  if (skip !== undefined) {
    const names = [...(skip === 2 ? ['dst'] : []), 'src', 'field', '…'];
    return help(
      `${name}(${names.join(', ')})`,
      names.map((label) => ({ label })),
      call.argument,
    );
  }
  const id = world.kernel?.kfuncs.has(name) ? world.kernel.btf.findByNameKind(name, 'func') : null;
  const func = id === null ? null : world.kernel!.btf.type(id);
  const proto = func?.kind === 'func' ? world.kernel!.btf.resolve(func.type) : null;
  if (proto?.kind !== 'func_proto') return null;
  const { btf } = world.kernel!;
  const list = proto.params.map((param) => btf.cDeclaration(param.type, param.name));
  return help(
    `${btf.cName(proto.type)} ${name}(${list.join(', ')})`,
    list.map((label) => ({ label })),
    call.argument,
  );
}

function help(label: string, parameters: { label: string }[], argument: number): SignatureHelp {
  const activeParameter = Math.min(argument, Math.max(0, parameters.length - 1));
  return { signatures: [{ label, parameters }], activeSignature: 0, activeParameter };
}
