import type { ExplorerView, LogLine, StepRow, TreeRow } from '@ringside/core/model';
import type { ComponentChildren, JSX } from 'preact';
import { count, visible } from '../shared/format.ts';
import type { ExplorerState } from './state.ts';
import { LineNumber, Mark, Spoken } from './spoken.tsx';
import { VirtualRows } from './virtualRows.tsx';
import { comparisonWords, missingWords, splitRegisters, withoutCode } from './words.ts';

const views: { view: ExplorerView; name: string; title: string }[] = [
  { view: 'path', name: 'Path', title: 'The instructions of the path (1)' },
  { view: 'visits', name: 'Visits', title: 'All visits of the C line (2)' },
  { view: 'tree', name: 'Branches', title: 'All paths that the verifier walked (3)' },
  { view: 'log', name: 'Log', title: 'Every line of the log (4)' },
  { view: 'compare', name: 'Compare', title: 'Beside another verdict (5)' },
];

export const viewKeys: readonly ExplorerView[] = views.map(({ view }) => view);

/** What the verifier did, in one of five ways to look at it. */
export function MiddleColumn({ state }: { state: ExplorerState }): JSX.Element {
  const view = state.view.value;
  const onKeys = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const at = (viewKeys.indexOf(view) + by + views.length) % views.length;
    document.getElementById(`view-${viewKeys[at]!}`)?.focus();
    if (viewKeys[at] !== 'compare' || state.compared.value !== null) state.show(viewKeys[at]!);
  };
  return (
    <section class="column middle" aria-label="BPF instructions">
      <div class="column-head tabs" role="tablist" aria-label="What to show of the log" onKeyDown={onKeys}>
        {views.map(({ view: one, name, title }) => (
          <button
            key={one}
            id={`view-${one}`}
            type="button"
            role="tab"
            aria-selected={view === one}
            tabIndex={view === one ? 0 : -1}
            title={title}
            onClick={() => state.show(one)}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="view" role="tabpanel" aria-labelledby={`view-${view}`}>
        {view !== 'compare' && <Missing state={state} />}
        <View state={state} view={view} />
      </div>
    </section>
  );
}

/** What the log lacks, and how to get it: only a log of every path tells what each line costs. */
function Missing({ state }: { state: ExplorerState }): JSX.Element | null {
  const info = state.info.value;
  const words = info === null ? '' : missingWords(info);
  if (words === '') return null;
  return (
    <p class="bar">
      {words}{' '}
      {state.canVerify.value && (
        <button type="button" class="link" onClick={() => state.send({ type: 'whole' })}>
          Take the whole log
        </button>
      )}
    </p>
  );
}

function View({ state, view }: { state: ExplorerState; view: ExplorerView }): JSX.Element {
  switch (view) {
    case 'path':
      return <PathView state={state} />;
    case 'visits':
      return <VisitsView state={state} />;
    case 'tree':
      return <TreeView state={state} />;
    case 'log':
      return <LogView state={state} />;
    case 'compare':
      return <CompareView state={state} />;
  }
}

const waiting = { content: <span class="quiet">…</span> };

function PathView({ state }: { state: ExplorerState }): JSX.Element {
  const { index, length, leaf } = state.cursor.value;
  const rows = state.rows.value;
  if (length === 0) return <p class="empty">The log has no instructions. Its lines are under Log.</p>;
  return (
    <VirtualRows
      id="path"
      name={`path ${leaf}`}
      label="Instructions of the path"
      count={length}
      active={index}
      want={(from, to) => rows.want(from, to)}
      onChoose={(at) => void state.goIndex(at, { jump: Math.abs(at - index) > 1 })}
      row={(at) => {
        const row = rows.row(at);
        return row === undefined ? waiting : insnRow(state, row);
      }}
    />
  );
}

function insnRow(state: ExplorerState, row: StepRow): { content: ComponentChildren; className: string } {
  const info = state.info.value;
  const failed = info?.reason !== null && row.step === info?.end;
  const text = withoutCode(row.text);
  return {
    className: `insn ${row.depth > 0 ? 'inner' : ''} ${failed ? 'failed' : ''}`,
    content: (
      <>
        <span class="number">
          <Spoken>instruction</Spoken>
          {row.insn}
        </span>
        <span class="code">{codeOf(state, text)}</span>
        {row.branches > 0 && (
          <span class="fork" title={`${count(row.branches)} more ways go on from here`}>
            +{count(row.branches)}
            <Spoken>other ways to go on</Spoken>
          </span>
        )}
        {failed && <Mark sign="✗" word="rejected" className="cross" />}
        <LineNumber line={row.line} />
      </>
    ),
  };
}

function codeOf(state: ExplorerState, text: string): ComponentChildren {
  const chosen = state.chosen.value;
  return splitRegisters(visible(text, 400)).map((part, i) =>
    part.register !== '' && part.register === chosen ? (
      <span key={i} class="chosen">
        {part.text}
      </span>
    ) : (
      part.text
    ),
  );
}

function VisitsView({ state }: { state: ExplorerState }): JSX.Element {
  const { line, n } = state.visitsOf.value;
  const pages = state.visits.value;
  if (n === 0) return <p class="empty">The source line of this instruction is not known.</p>;
  const active = (state.now.value?.visit?.k ?? 0) - 1;
  return (
    <VirtualRows
      id="visits"
      name={`visits ${line} ${n}`}
      label={`Visits of line ${line}`}
      count={n}
      active={active}
      want={(from, to) => pages.want(from, to)}
      onChoose={(at) => {
        const visit = pages.row(at);
        if (visit !== undefined) void state.go(visit.step);
      }}
      row={(at) => {
        const visit = pages.row(at);
        if (visit === undefined) return waiting;
        return {
          content: (
            <>
              <span class="number">
                <Spoken>visit</Spoken>
                {count(at + 1)}
              </span>
              <span class="code">
                line {line}, instruction {visit.insn}
              </span>
              <span class="quiet">path {count(visit.path + 1)}</span>
            </>
          ),
        };
      }}
    />
  );
}

const ends: Record<TreeRow['end'], [mark: string, word: string]> = {
  exit: ['✓', 'reaches the end'],
  pruned: ['≡', 'pruned: like a state that is safe'],
  rejected: ['✗', 'rejected'],
  cut: ['…', 'goes on in no line of the log'],
};

function TreeView({ state }: { state: ExplorerState }): JSX.Element {
  const pages = state.tree.value;
  const n = state.branches.value;
  if (n === 0) return <p class="empty">The log has no branches.</p>;
  const { step } = state.cursor.value;
  let active = -1;
  for (let at = 0; at < n && active < 0; at++) {
    const row = pages.row(at);
    if (row === undefined) break;
    if (row.first <= step && step <= row.last) active = at;
  }
  return (
    <VirtualRows
      id="tree"
      name={`tree ${n}`}
      label="Branches"
      count={n}
      active={active}
      want={(from, to) => pages.want(from, to)}
      onChoose={(at) => {
        const row = pages.row(at);
        if (row !== undefined) void (row.first >= 0 ? state.go(row.first, { leaf: row.last }) : state.go(row.parent));
      }}
      row={(at) => {
        const row = pages.row(at);
        if (row === undefined) return waiting;
        const [mark, word] = ends[row.end];
        const from = row.fromInsn < 0 ? `begins at ${row.toInsn}` : `${row.fromInsn} → ${row.toInsn}`;
        return {
          className: `branch ${row.end}`,
          content: (
            <>
              <span class="indent" style={{ width: `${Math.min(row.depth, 16) * 12}px` }} />
              <Mark sign={mark} word={word} className="mark" />
              <span class="code">{from}</span>
              <span class="quiet">{row.steps === 0 ? 'at once' : `${count(row.steps)} insns`}</span>
              <LineNumber line={row.line} />
            </>
          ),
        };
      }}
    />
  );
}

function LogView({ state }: { state: ExplorerState }): JSX.Element {
  const pages = state.log.value;
  const lines = state.info.value?.lines ?? 0;
  if (lines === 0) return <p class="empty">The log is empty.</p>;
  return (
    <VirtualRows
      id="log"
      name={`log ${state.info.value?.id ?? 0}`}
      label="Lines of the log"
      count={lines}
      active={state.now.value?.logLine ?? -1}
      want={(from, to) => pages.want(from, to)}
      onChoose={(at) => {
        const line = pages.row(at);
        if (line !== undefined && line.step >= 0) void state.go(line.step);
      }}
      row={(at) => {
        const line: LogLine | undefined = pages.row(at);
        if (line === undefined) return waiting;
        return {
          className: `log-${line.kind}`,
          content: (
            <>
              <span class="number">{count(at + 1)}</span>
              <span class="code">{visible(line.text, 2000)}</span>
            </>
          ),
        };
      }}
    />
  );
}

function CompareView({ state }: { state: ExplorerState }): JSX.Element {
  const compared = state.compared.value;
  const pages = state.pairs.value;
  if (compared === null) return <p class="empty">Choose with what to compare.</p>;
  const side = (row: StepRow | null): ComponentChildren =>
    row === null ? (
      <span class="side missing">
        <Spoken>nothing</Spoken>
      </span>
    ) : (
      <span class="side">
        <span class="number">{row.insn}</span>
        <span class="code" title={visible(withoutCode(row.text), 500)}>
          {codeOf(state, withoutCode(row.text))}
        </span>
      </span>
    );
  const { firstState, firstInsn } = compared.result;
  return (
    <div class="compare">
      <p class="compare-words">
        {comparisonWords(compared.result, compared.title)}{' '}
        {Math.max(firstState, firstInsn) >= 0 && (
          <button type="button" class="link" onClick={() => void state.goDifference()}>
            First difference
          </button>
        )}{' '}
        <button type="button" class="link" onClick={() => state.endComparison()}>
          End the comparison
        </button>
      </p>
      <VirtualRows
        id="pairs"
        name={`pairs ${compared.info.id}`}
        label={`Instructions beside those of ${compared.title}`}
        count={compared.result.pairs}
        active={state.pairRow.value}
        want={(from, to) => pages.want(from, to)}
        onChoose={(at) => void state.goPair(at)}
        row={(at) => {
          const row = pages.row(at);
          if (row === undefined) return waiting;
          const differs = row.left === null || row.right === null;
          return {
            className: `pair ${differs ? 'differs' : ''}`,
            content: (
              <>
                {side(row.left)}
                <Spoken>beside</Spoken>
                {side(row.right)}
              </>
            ),
          };
        }}
      />
    </div>
  );
}
