/** What a program asks the kernel about before it uses it: nothing is said of that. */
import { closing } from '../c/declarators.ts';
import { Kind } from '../c/lexer.ts';
import type { Source } from '../c/parse.ts';

export interface Guards {
  /** Words within the questions: fields, types, enumerators, kfuncs. */
  names: ReadonlySet<string>;
  /** Whether a helper that is called at an offset may be one that it asks about. */
  asksBefore(helper: string, at: number): boolean;
  /** It knows kernels by their version: then nobody else can tell what runs where. */
  version: boolean;
}

const questions = /^bpf_(core_(field|type|enum_value)_(exists|matches)|ksym_exists)$/;
/** What our own repairs ask (hostFixes.ts): of a read nothing but itself is meant, of a call the function that it is in. */
const repairedRead = /___with_\w+$/;
const repairedCall = /^BPF_FUNC_(\w+?)___\1\d*$/;
const versions = /\b(LINUX_KERNEL_VERSION|LINUX_HAS_\w+|KERNEL_VERSION)\b/;

export function asksFor({ tokens, text, model }: Source): Guards {
  const names = new Set<string>();
  const calls: { helper: string; start: number; end: number }[] = [];
  tokens.forEach((token, at) => {
    if (token.kind !== Kind.identifier || !questions.test(token.text) || tokens[at + 1]?.text !== '(') return;
    const inside = tokens.slice(at + 2, closing(tokens, at + 1, tokens.length));
    const words = inside.filter(({ kind }) => kind === Kind.identifier).map((each) => each.text);
    if (words.some((word) => repairedRead.test(word))) return;
    const helper = words.flatMap((word) => repairedCall.exec(word)?.[1] ?? [])[0];
    const around = model.functions.find((each) => each.bodyStart <= token.start && token.end <= each.bodyEnd);
    if (helper === undefined || around === undefined) words.forEach((word) => names.add(word));
    else calls.push({ helper: `bpf_${helper}`, start: around.bodyStart, end: around.bodyEnd });
  });
  const asksBefore = (name: string, at: number): boolean =>
    names.size > 0 || calls.some(({ helper, start, end }) => helper === name && start <= at && at <= end);
  return { names, asksBefore, version: versions.test(text) };
}
