/** What a program asks the kernel about before it uses it: nothing is said of that. */
import { closing } from '../c/declarators.ts';
import { Kind } from '../c/lexer.ts';
import type { Source } from '../c/parse.ts';

export interface Guards {
  /** Words within the questions: fields, types, enumerators, kfuncs. */
  names: ReadonlySet<string>;
  /** It asks at all. */
  any: boolean;
  /** It knows kernels by their version: then nobody else can tell what runs where. */
  version: boolean;
}

const questions = /^bpf_(core_(field|type|enum_value)_(exists|matches)|ksym_exists)$/;
const versions = /\b(LINUX_KERNEL_VERSION|LINUX_HAS_\w+|KERNEL_VERSION)\b/;

export function asksFor({ tokens, text }: Source): Guards {
  const names = new Set<string>();
  tokens.forEach((token, at) => {
    if (token.kind !== Kind.identifier || !questions.test(token.text) || tokens[at + 1]?.text !== '(') return;
    const end = closing(tokens, at + 1, tokens.length);
    for (let i = at + 2; i < end; i++) if (tokens[i]!.kind === Kind.identifier) names.add(tokens[i]!.text);
  });
  return { names, any: names.size > 0, version: versions.test(text) };
}
