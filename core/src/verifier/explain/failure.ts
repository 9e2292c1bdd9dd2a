/** One rejection under investigation: the log's last path, the state in which it failed, and names for its values. */
import { stateAtEnd, stateBefore, type PathState, type RegisterState, type VerifierLog } from '../log/index.ts';
import { Path, type Origin } from './path.ts';
import { nowhere, Program, type Place, type ProgramSource, type Variable } from './program.ts';
import { assignedName, expressionAt } from './sourceText.ts';

/** What a value is called in a sentence. */
export interface Named {
  /** "`slot`", "the value that bpf_x() returned" */
  text: string;
  /** The C expression alone; "" when there is none. */
  expression: string;
  origin: Origin;
  /** Where it was made; null when the log or the object do not tell. */
  place: Place | null;
}

export class Failure {
  readonly log: VerifierLog;
  readonly program: Program;
  readonly path: Path;
  /** Path index of the instruction that failed; -1 when none was verified. */
  readonly at: number;
  readonly messages: readonly string[];
  #state: PathState | null = null;
  #insn: number | null = null;

  constructor(log: VerifierLog, source: ProgramSource | null, messages: readonly string[] = log.messages) {
    this.log = log;
    this.program = new Program(log, source);
    this.path = new Path(log, log.stepCount - 1);
    this.at = this.path.length - 1;
    this.messages = messages;
  }

  get state(): PathState {
    this.#state ??= stateAtEnd(this.log);
    return this.#state;
  }

  /** The instruction that failed, or that a message names. */
  get insn(): number | null {
    this.#insn ??= this.at >= 0 ? this.path.insn(this.at) : (this.log.report?.insn ?? null);
    return this.#insn;
  }

  pointTo(insn: number): void {
    this.#insn = insn;
  }

  get place(): Place {
    return this.insn === null ? this.program.ofProgram() : this.program.place(this.insn);
  }

  placeAt(at: number): Place {
    return at >= 0 && at < this.path.length ? this.program.place(this.path.insn(at)) : nowhere;
  }

  /** The function that is called at a step; "" when it is no call. */
  called(at = this.at): string {
    return at < 0 ? '' : (/^\(85\) call (\w+)/.exec(this.path.text(at))?.[1] ?? '');
  }

  register(number: number): RegisterState | null {
    return this.state.frames.at(-1)?.register(number) ?? null;
  }

  /** A register's state before an earlier step of the path. */
  registerAt(at: number, number: number): RegisterState | null {
    return stateBefore(this.log, this.path.steps[at]!).frames.at(-1)?.register(number) ?? null;
  }

  /** The expression that stands at the place of a step. */
  expression(at: number): string {
    const place = this.placeAt(at);
    return expressionAt(place.text, place.column);
  }

  /** What C calls the value that a register holds before a step. */
  name(at: number, register: number): Named {
    const origin = this.path.origin(at, register);
    const { source } = origin;
    const made = source.at >= 0 && this.path.length > 0 ? this.placeAt(source.at) : null;
    const place = made && made.line > 0 ? made : null;
    for (const hop of origin.through) {
      const variable = this.program.variableIn(hop.register, this.path.insn(hop.at));
      if (variable) {
        const declared = this.#declared(variable, place);
        return { text: `\`${variable.name}\``, expression: variable.name, origin, place: declared ?? place };
      }
    }
    const given = (expression: string): Named => ({ text: `\`${expression}\``, expression, origin, place });
    if (place && source.kind === 'call') {
      const assigned = assignedName(place.text);
      if (assigned !== '' && place.text.includes(source.function)) return given(assigned);
    }
    if (place && source.kind === 'load') {
      const loaded = assignedName(place.text) || expressionAt(place.text, place.column);
      if (loaded !== '') return given(loaded);
    }
    const text =
      source.kind === 'call'
        ? `the value that ${source.function}() returned`
        : source.kind === 'context'
          ? 'the context'
          : source.kind === 'load'
            ? 'the value that was read from memory'
            : source.kind === 'callback'
              ? 'an argument of the callback'
              : 'this value';
    return { text, expression: '', origin, place };
  }

  /** Compilers move loads: where a variable gets its value in the source, when the instruction's own line does not name it. */
  #declared(variable: Variable, made: Place | null): Place | null {
    const mentions = new RegExp(`\\b${variable.name}\\b`);
    if (!made || mentions.test(made.text)) return null;
    const file = this.program.file(made);
    const text = file?.line(variable.line) ?? '';
    const column = text.search(new RegExp(`\\b${variable.name}\\s*=`)) + 1;
    if (!file || column === 0) return null;
    return { file: made.file, line: variable.line, column, endColumn: text.trimEnd().length + 1, text };
  }

  /** The map that a register holds, or holds a value of: kernels before 6.8 print no names. "" when it is not known. */
  mapName(at: number, register: number): string {
    const { source } = at < 0 ? { source: null } : this.path.origin(at, register);
    if (source?.kind === 'call')
      return /map_lookup|storage_get|get_local_storage/.test(source.function) ? this.mapName(source.at, 1) : '';
    if (source?.kind !== 'constant') return '';
    const symbol = this.program.symbolOf(this.path.insn(source.at));
    return symbol === null ? '' : symbol.section === '.maps' ? symbol.name : symbol.section;
  }

  /** The object on the stack that a stack pointer points into. */
  stackVariable(offset: number): { name: string; into: number; size: number } | null {
    return this.insn === null ? null : this.program.variableAt(offset, this.insn);
  }
}
