#!/usr/bin/env node
/**
 * Writes core/src/bpf/knowledge/helperFacts.ts: since when each BPF helper exists, which program types may call it, and
 * whether only GPL programs may.
 *
 *   node scripts/helperFacts.mjs VERSIONS.md OLDER-KERNEL-SOURCE NEWER-KERNEL-SOURCE
 *
 * VERSIONS.md is docs/kernel-versions.md of the bcc project (a table of helpers and the kernels that brought them); the
 * sources are unpacked kernels (packages linux-source-6.12 and linux-source-7.3 of Debian). Facts are taken from them, no text.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { at } from './lib/paths.mjs';
import { script } from './lib/steps.mjs';

/** Where func_proto functions and the helpers' descriptions are. */
const FOLDERS = ['kernel', 'net', 'drivers', 'fs', 'security'];
/** Program types whose helpers depend on what is extended or implemented: not to be judged by the type alone. */
const BY_TARGET = ['struct_ops', 'ext'];
/** Left out by the table of versions; it came with the numbers around it. */
const ALSO_SINCE = [['skc_to_mptcp_sock', '5.19']];

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith('.c')) yield path;
  }
}

/** Functions by name, with what they return for which helper and which other functions they ask. */
function readFunctions(text, functions) {
  const head =
    /^(?:static |extern )?const struct bpf_func_proto \*\s*(\w+)\(\s*enum bpf_func_id func_id[^)]*\)\s*\{([\s\S]*?)^\}/gm;
  for (const [, name, body] of text.matchAll(head)) {
    const helpers = new Map();
    let pending = [];
    // Labels collect until the statement that answers for all of them.
    for (const part of body.split(/(?=\bcase BPF_FUNC_\w+:|\bdefault:)|(?=\bfunc_id == BPF_FUNC_)/)) {
      const label = /^(?:case BPF_FUNC_(\w+):|func_id == BPF_FUNC_(\w+)|(default:))/.exec(part);
      if (label === null) continue;
      const helper = label[1] ?? label[2];
      if (helper) pending.push(helper);
      const statement = part.slice(label[0].length).replace(/^#.*$/gm, '').trim();
      if (statement === '') continue;
      const protos = [...statement.matchAll(/&(\w+_proto\w*)\b|\bbpf_get_(\w+_proto)\(/g)].map(
        (m) => m[1] ?? `bpf_${m[2]}`,
      );
      if (protos.length > 0) for (const each of pending) helpers.set(each, [...(helpers.get(each) ?? []), ...protos]);
      pending = [];
    }
    const asks = [...body.matchAll(/\b(\w+)\(func_id(?:, prog)?\)/g)].map((m) => m[1]);
    functions.set(name, { helpers, asks });
  }
}

function readKernel(root) {
  const functions = new Map();
  const gpl = new Set();
  const verifierOps = new Map();
  for (const folder of FOLDERS) {
    for (const path of sources(join(root, folder))) {
      const text = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
      if (!text.includes('bpf_func_proto')) continue;
      readFunctions(text, functions);
      for (const [, name, body] of text.matchAll(/const struct bpf_func_proto (\w+)\s*=\s*\{([\s\S]*?)\};/g)) {
        if (/\.gpl_only\s*=\s*true/.test(body)) gpl.add(name);
      }
      for (const [, name, body] of text.matchAll(
        /const struct bpf_verifier_ops (\w+)_verifier_ops\s*=\s*\{([\s\S]*?)\};/g,
      )) {
        const ask = /\.get_func_proto\s*=\s*(\w+)/.exec(body)?.[1];
        if (ask) verifierOps.set(name, ask);
      }
    }
  }
  const types = new Map();
  const table = readFileSync(join(root, 'include/linux/bpf_types.h'), 'utf8');
  for (const [, type, ops] of table.matchAll(/BPF_PROG_TYPE\(BPF_PROG_TYPE_(\w+), (\w+),/g)) {
    const ask = verifierOps.get(ops);
    if (ask) types.set(type.toLowerCase(), reach(functions, ask));
  }
  const uapi = readFileSync(join(root, 'include/uapi/linux/bpf.h'), 'utf8');
  const ids = [...uapi.matchAll(/\bFN\((\w+), (\d+), ##ctx\)/g)].map((m) => [m[1], Number(m[2])]);
  return { types, gpl, ids };
}

/** What a function answers, and all that it asks. */
function reach(functions, start) {
  const found = new Map();
  const seen = new Set();
  const visit = (name) => {
    const known = functions.get(name);
    if (known === undefined || seen.has(name)) return;
    seen.add(name);
    for (const [helper, protos] of known.helpers) found.set(helper, [...(found.get(helper) ?? []), ...protos]);
    known.asks.forEach(visit);
  };
  visit(start);
  return found;
}

function sinceTable(markdown) {
  const rows = [...markdown.matchAll(/^`BPF_FUNC_(\w+)\(\)`\s*\|\s*([\d.]+)/gm)].map((m) => [m[1], m[2]]);
  return new Map([...ALSO_SINCE, ...rows]);
}

await script(async () => {
  const [versions, older, newer] = process.argv.slice(2);
  if (newer === undefined) throw new Error('usage: helperFacts.mjs VERSIONS.md OLDER-KERNEL NEWER-KERNEL');
  const since = sinceTable(readFileSync(versions, 'utf8'));
  const [before, now] = [readKernel(older), readKernel(newer)];
  const judged = [...now.types.keys()].filter((type) => !BY_TARGET.includes(type));
  const sets = [];
  const setOf = (kernel, helper) => {
    const list = judged.filter((type) => kernel.types.get(type)?.has(helper)).join(' ');
    if (!sets.includes(list)) sets.push(list);
    return sets.indexOf(list);
  };
  const helpers = now.ids.filter(([, id]) => id > 0);
  const rows = helpers.map(([name, id]) => {
    const protos = judged.flatMap((type) => now.types.get(type).get(name) ?? []);
    const gpl = protos.length > 0 && protos.every((proto) => now.gpl.has(proto));
    return [name, id, since.get(name) ?? '', gpl, setOf(before, name), setOf(now, name)];
  });
  const missing = rows.filter((row) => row[2] === '').map((row) => row[0]);
  if (missing.length > 0) throw new Error(`no first kernel known: ${missing.join(', ')}`);
  const text = `/**
 * Facts about BPF helpers. Generated by scripts/helperFacts.mjs; do not edit.
 * Numbers from include/uapi/linux/bpf.h; program types and GPL from the func_proto functions of Linux 6.12 and 7.3 (Debian's
 * packages linux-source-6.12 and linux-source-7.3); first kernels from docs/kernel-versions.md of the bcc project.
 */

/** Program types that the tables judge: the others' helpers depend on what they extend or implement. */
export const judgedTypes: readonly string[] = ${JSON.stringify(judged)};

/** Sets of program types, separated by spaces. */
export const typeSets: readonly string[] = ${JSON.stringify(sets)};

/** Name without bpf_, number, first kernel, GPL only, set in Linux 6.12, set in Linux 7.3. */
export const helperRows: readonly (readonly [string, number, string, boolean, number, number])[] = ${JSON.stringify(rows)};
`;
  const path = at('core/src/bpf/knowledge/helperFacts.ts');
  const options = { parser: 'typescript', printWidth: 120, singleQuote: true, trailingComma: 'all' };
  writeFileSync(path, await format(text, options));
  console.log(`${rows.length} helpers, ${judged.length} program types, ${sets.length} sets`);
});
