/** Calls of helpers: there on the host, allowed in the program's type, allowed under its licence. */
import { helperAllowed, helperFact, parseSection, type HelperFact } from '@ringside/core/bpf';
import type { Analysis } from '../analysis.ts';
import type { CCall, CFunction, CModel } from '../c/model.ts';
import { helperNumber } from '../kernel/kernel.ts';
import type { Finding } from './codes.ts';
import { askedKernel, type Guards } from './guards.ts';

/** What the kernel's license_is_gpl_compatible() takes. */
const GPL: ReadonlySet<string> = new Set([
  ...['GPL', 'GPL v2', 'GPL and additional rights', 'Dual BSD/GPL', 'Dual MIT/GPL', 'Dual MPL/GPL'],
]);

const PRINTK: ReadonlySet<string> = new Set(['bpf_printk', 'bpf_trace_printk', 'bpf_trace_vprintk']);

export function checkHelpers({ source, models, world }: Analysis, guards: Guards): Finding[] {
  const findings: Finding[] = [];
  const { model } = source;
  const asked = world.kernel === null ? null : askedKernel(world.kernel);
  const isReached = (call: CCall, fact: HelperFact): boolean =>
    !guards.version && asked !== null && guards.mayRun(asked, call.start, helperNumber(fact.name));
  const license = licenseOf(models);
  for (const program of model.functions) {
    if (program.section === null) {
      findings.push(...program.calls.flatMap(printk));
      continue;
    }
    const parsed = parseSection(program.section.name);
    const types = parsed.form === null ? null : parsed.type;
    for (const { call, fact } of reachedHelpers(program, model)) {
      findings.push(
        ...(isReached(call, fact) ? unavailable(call, fact, world) : []),
        ...(types === null ? [] : notAllowed(call, fact, types, program, world.release)),
        ...gplOnly(call, fact, license, model),
      );
    }
    findings.push(...program.calls.flatMap(printk));
  }
  return once(findings);
}

/** Macros of libbpf that call a helper. */
const macros: ReadonlyMap<string, string> = new Map([['bpf_printk', 'bpf_trace_printk']]);

function licenseOf(models: readonly CModel[]): CModel['license'] {
  return models.find((model) => model.license !== null)?.license ?? null;
}

/** Helpers that a program calls, in its own functions too. */
function reachedHelpers(program: CFunction, model: CModel): { call: CCall; fact: HelperFact }[] {
  const found: { call: CCall; fact: HelperFact }[] = [];
  const seen = new Set<CFunction>();
  const visit = (each: CFunction): void => {
    if (seen.has(each) || seen.size > 256) return;
    seen.add(each);
    for (const call of each.calls) {
      const fact = helperFact(macros.get(call.name) ?? call.name);
      if (fact) found.push({ call, fact });
      const own = model.functions.find(
        (other) => other.name === call.name && other.section === null && other.bodyEnd > other.bodyStart,
      );
      if (own) visit(own);
    }
  };
  visit(program);
  return found;
}

function unavailable(call: CCall, fact: HelperFact, { kernel, host, release }: Analysis['world']): Finding[] {
  // Without any helper's number the kernel's list is not in its types.
  if (!kernel?.constants.has('BPF_FUNC_map_lookup_elem') || kernel.hasHelper(fact.name)) return [];
  const where = host === null ? "This machine's kernel" : `${host}${release === null ? '' : ` (kernel ${release})`}`;
  return [at(call, 'unknown-helper', `${where} has no ${fact.name}: it came with Linux ${fact.since}`)];
}

function notAllowed(
  call: CCall,
  fact: HelperFact,
  type: string,
  program: CFunction,
  release: string | null,
): Finding[] {
  if (helperAllowed(fact, type, release) !== false) return [];
  const who = program.calls.includes(call)
    ? `Programs of type ${type}`
    : `${program.name} is of type ${type}: such programs`;
  const others = [...fact.newer];
  const list = others.slice(0, 6).join(', ') + (others.length > 6 ? ' …' : '');
  return [at(call, 'helper-not-allowed', `${who} may not call ${fact.name}${list === '' ? '' : ` (only ${list})`}`)];
}

function gplOnly(call: CCall, fact: HelperFact, license: CModel['license'], model: CModel): Finding[] {
  if (!fact.gplOnly || license === null || GPL.has(license.text)) return [];
  const message = `${call.name} is for GPL programs only, and this one's licence is "${license.text}"`;
  const { start, end } = license;
  // A licence in a header is not this source's to change.
  const fixes =
    license === model.license ? [{ title: 'Change the licence to "GPL"', edits: [{ start, end, text: 'GPL' }] }] : [];
  return [{ ...at(call, 'gpl-only-helper', message), fixes }];
}

function printk(call: CCall): Finding[] {
  if (!PRINTK.has(call.name)) return [];
  return [at(call, 'printk-left', `${call.name} writes to a buffer that the whole kernel shares: for debugging only`)];
}

function at(call: CCall, code: Finding['code'], message: string): Finding {
  return { code, start: call.start, end: call.end, message, fixes: [] };
}

/** A function that several programs call is told once. */
function once(findings: Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ code, start, message }) => {
    const key = `${code} ${start} ${message}`;
    return !seen.has(key) && seen.add(key);
  });
}
