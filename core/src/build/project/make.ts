/** Makefiles: variables and recipes read as text. Shell in them is never run; what only it could tell is left out. */
import { basename, dirname, join, resolve } from 'node:path';
import type { Machine, ProjectFlags } from './index.ts';
import { flagsOf, readText, shellWords, UNKNOWN_TEXT } from './words.ts';

const NAMES = ['GNUmakefile', 'Makefile', 'makefile', 'Makefile.bpf', 'bpf.mk'];
/** Variables that hold flags by custom, whatever their project calls them. */
const FLAG_VARIABLE = /FLAGS|INC|HEADER|DEFINE|VMLINUX/i;
const MOST_INCLUDES = 16;
const MOST_DEPTH = 24;
const MOST_TEXT = 64 * 1024;
/** Expansions in one Makefile; variables that double each other would never end. */
const MOST_WORK = 20_000;

export function makeFlags(folder: string, file: string, machine: Machine): ProjectFlags | null {
  for (const name of NAMES) {
    const path = join(folder, name);
    const text = readText(path);
    if (text === null) continue;
    const makefile = new Makefile(folder, machine);
    makefile.read(text, path);
    const words = makefile.flagWords(basename(file));
    const found = flagsOf(words, folder, path);
    return { ...found, from: makefile.files };
  }
  return null;
}

class Makefile {
  readonly files: string[] = [];
  private readonly variables = new Map<string, string>();
  private readonly recipes: string[] = [];
  private work = MOST_WORK;

  constructor(
    private readonly folder: string,
    machine: Machine,
  ) {
    const given = { CURDIR: folder, ARCH: machine.arch, SRCARCH: machine.arch, TARGETARCH: machine.arch };
    for (const [name, value] of Object.entries(given)) this.variables.set(name, value);
    this.machine = machine;
  }
  private readonly machine: Machine;

  read(text: string, path: string): void {
    this.files.push(path);
    this.variables.set('MAKEFILE_LIST', this.files.join(' '));
    for (const line of logicalLines(text)) this.line(line);
  }

  private line(line: string): void {
    if (line.startsWith('\t')) {
      this.recipes.push(line);
      return;
    }
    const bare = line.replace(/(^|[^\\])#.*$/, '$1').trim();
    const assigned = /^(?:export\s+|override\s+)*([\w.-]+)\s*(\+|\?|::?:?|!)?=\s*(.*)$/.exec(bare);
    if (assigned) this.assign(assigned[1]!, assigned[2] ?? '', assigned[3]!);
    const included = /^-?include\s+(.+)$/.exec(bare);
    if (included) this.include(included[1]!);
    // A variable for one target only: `$(OUTPUT)/%.o: CFLAGS += -DX`.
    const targeted = /^[^=]+:\s*([\w.-]+)\s*(\+|\?|::?)?=\s*(.*)$/.exec(bare);
    if (!assigned && targeted) this.assign(targeted[1]!, '+', targeted[3]!);
  }

  private assign(name: string, operator: string, value: string): void {
    const old = this.variables.get(name);
    if (operator === '!') this.variables.set(name, UNKNOWN_TEXT);
    else if (operator === '+' && old !== undefined) this.variables.set(name, `${old} ${value}`.slice(0, MOST_TEXT));
    else if (operator.startsWith(':')) this.variables.set(name, this.expand(value));
    // The command line may set ARCH and the like; the host decides about these, not the file.
    else if (operator !== '?' || old === undefined) this.variables.set(name, value);
    if (name === 'ARCH' || name === 'SRCARCH') this.variables.set(name, this.machine.arch);
  }

  private include(names: string): void {
    for (const name of shellWords(this.expand(names))) {
      if (this.files.length >= MOST_INCLUDES || name.includes(UNKNOWN_TEXT)) return;
      const path = resolve(this.folder, name);
      const text = this.files.includes(path) ? null : readText(path);
      if (text !== null) this.read(text, path);
    }
  }

  /** Words of flag variables and of recipes that run a compiler. */
  flagWords(source: string): string[] {
    const compiler = /clang|\$[({](CC|CLANG|LLC|BPF_CC|BPF_CLANG)[)}]/i;
    const lines = this.recipes.filter(
      (r) => compiler.test(r) && (r.includes('bpf') || r.includes('$<') || r.includes(source)),
    );
    for (const [name, value] of this.variables) if (FLAG_VARIABLE.test(name)) lines.push(value);
    return lines.flatMap((line) => shellWords(this.expand(line)));
  }

  /** $(NAME), ${NAME}, and the functions that only rearrange text. What needs a shell becomes UNKNOWN_TEXT. */
  private expand(text: string, depth = 0): string {
    if (depth > MOST_DEPTH || text.length > MOST_TEXT || this.work-- <= 0) return UNKNOWN_TEXT;
    let out = '';
    for (let i = 0; i < text.length; i++) {
      if (text[i] !== '$') {
        out += text[i]!;
        continue;
      }
      const next = text[i + 1];
      if (next === '(' || next === '{') {
        const end = closing(text, i + 1);
        out += this.reference(text.slice(i + 2, end), depth + 1);
        i = end;
      } else {
        out += next === '$' ? '$' : next === '<' ? '' : UNKNOWN_TEXT;
        i++;
      }
      if (out.length > MOST_TEXT) return UNKNOWN_TEXT;
    }
    return out;
  }

  private reference(inner: string, depth: number): string {
    const call = /^([a-z-]+)\s+(.*)$/s.exec(inner);
    if (call) return this.call(call[1]!, call[2]!, depth);
    // $(NAME:old=new)
    const substituted = /^([\w.-]+):([^=]*)=(.*)$/.exec(inner);
    if (substituted) {
      const [, name, from, to] = substituted;
      const words = this.expand(this.variables.get(name!) ?? '', depth).split(/\s+/);
      return words.map((w) => (from !== '' && w.endsWith(from!) ? w.slice(0, -from!.length) + to! : w)).join(' ');
    }
    const value = this.variables.get(this.expand(inner, depth));
    return value === undefined ? '' : this.expand(value, depth);
  }

  private call(name: string, rest: string, depth: number): string {
    if (name === 'shell') return this.shell(rest);
    const parts = splitArguments(rest).map((a) => this.expand(a, depth));
    const last = parts.at(-1) ?? '';
    const each = (f: (word: string) => string): string =>
      last
        .split(/\s+/)
        .filter((w) => w !== '')
        .map(f)
        .join(' ');
    switch (name) {
      case 'abspath':
      case 'realpath':
        return each((w) => resolve(this.folder, w));
      case 'dir':
        return each((w) => `${dirname(w)}/`);
      case 'notdir':
        return each((w) => basename(w));
      case 'addprefix':
        return each((w) => parts[0]!.trim() + w);
      case 'addsuffix':
        return each((w) => w + parts[0]!.trim());
      case 'strip':
      case 'sort':
      case 'wildcard':
      case 'firstword':
        return last.trim();
      case 'lastword':
        return last.trim().split(/\s+/).at(-1) ?? '';
      case 'subst':
        return last.replaceAll(parts[0] ?? '', parts[1] ?? '');
      case 'if':
        return parts[1] ?? '';
      case 'or':
        return parts.find((p) => p.trim() !== '') ?? '';
      case 'foreach':
        return this.forEach(splitArguments(rest), depth);
      default:
        return UNKNOWN_TEXT;
    }
  }

  private forEach([variable = '', list = '', body = '']: string[], depth: number): string {
    const name = variable.trim();
    const before = this.variables.get(name);
    const words = this.expand(list, depth)
      .split(/\s+/)
      .filter((w) => w !== '')
      .slice(0, 256);
    const text = words.map((word) => {
      this.variables.set(name, word);
      return this.expand(body, depth);
    });
    if (before === undefined) this.variables.delete(name);
    else this.variables.set(name, before);
    return text.join(' ');
  }

  /** The few commands whose answer is known without running them: which machine, which folder. */
  private shell(command: string): string {
    const text = command.trim();
    if (/^uname -[mp]\s*$/.test(text)) return this.machine.name;
    if (/^uname -[mp]\s*\|/.test(text)) return this.machine.arch;
    if (/^(pwd|dirname \$?[\w({})$]*MAKEFILE_LIST.*)$/.test(text)) return this.folder;
    return UNKNOWN_TEXT;
  }
}

/** Lines with their continuations joined; a recipe keeps its tab. */
function logicalLines(text: string): string[] {
  return text
    .replace(/\r/g, '')
    .replace(/[ \t]*\\\n[ \t]*/g, ' ')
    .split('\n');
}

/** Index of the bracket that closes the one at `open`; the end of the text when none does. */
function closing(text: string, open: number): number {
  const [from, to] = text[open] === '(' ? ['(', ')'] : ['{', '}'];
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === from) depth++;
    else if (text[i] === to && --depth === 0) return i;
  }
  return text.length;
}

/** Arguments at commas that stand in no brackets. */
function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if ('({'.includes(text[i]!)) depth++;
    else if (')}'.includes(text[i]!)) depth--;
    if (text[i] !== ',' || depth !== 0) continue;
    parts.push(text.slice(start, i));
    start = i + 1;
  }
  return [...parts, text.slice(start)];
}
