import type { Bookmark, ColourRule, ErrorData, RowColour } from '@ringside/core/model';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { clockOfCell, count, visible } from '../../shared/format.ts';
import { IconButton } from '../../shared/iconButton.tsx';
import type { TraceState } from '../state.ts';
import { lossesOf, sumText } from './losses.ts';
import { COLOURS, type RowTools } from './rowTools.ts';

interface SectionProps {
  state: TraceState;
  tools: RowTools;
  close: () => void;
}

/** What stands above the ledger: where records are lost, the colour rules, or the bookmarks. */
export function ToolSections(props: SectionProps): JSX.Element | null {
  switch (props.tools.section.value) {
    case 'ledger':
      return <Losses {...props} />;
    case 'colours':
      return <Colours {...props} />;
    case 'bookmarks':
      return <Bookmarks {...props} />;
    case null:
      return null;
  }
}

function Section({
  title,
  close,
  children,
}: {
  title: string;
  close: () => void;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <section
      class="tool"
      aria-label={title}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        close();
      }}
    >
      <div class="tool-head">
        <h2>{title}</h2>
        <IconButton icon="close" label={`Close: ${title}`} keys="Escape" onPress={close} />
      </div>
      <div class="tool-body" tabIndex={0} role="group" aria-label={title}>
        {children}
      </div>
    </section>
  );
}

function Losses({ state, close }: SectionProps): JSX.Element {
  const run = state.run.value;
  const stream = run?.ledger.streams.find(({ name }) => name === state.shownStream.value) ?? run?.ledger.streams[0];
  const counts = state.counts.value;
  const left = counts === null ? null : counts.delivered - counts.stored;
  if (run === null || stream === undefined)
    return (
      <Section title="Where records are" close={close}>
        Nothing is counted yet.
      </Section>
    );
  return (
    <Section title={`Where the records of ${visible(stream.name, 100)} are`} close={close}>
      <table class="losses">
        <thead>
          <tr>
            <th scope="col">place</th>
            <th scope="col" class="right">
              records
            </th>
            <th scope="col">why</th>
            <th scope="col">what to do</th>
          </tr>
        </thead>
        <tbody>
          {lossesOf(stream, run, left).map((place) => (
            <tr key={place.place} class={place.warn ? 'warn' : ''}>
              <th scope="row">
                {place.warn && <span class="codicon codicon-warning" aria-label="loss" role="img" />} {place.place}
              </th>
              <td class="right">{place.counts ? place.figure : `(${place.figure})`}</td>
              <td>{place.why}</td>
              <td>
                {place.todo}{' '}
                {place.remedies.map(({ remedy, label }) => (
                  <button key={remedy} type="button" class="small" onClick={() => state.remedy(remedy, stream.name)}>
                    {label}
                  </button>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="tool-sum">{sumText(stream)}</p>
    </Section>
  );
}

function Colours({ state, tools, close }: SectionProps): JSX.Element {
  const rules = tools.colours.value;
  const faults = useFaults(state, rules);
  const change = (at: number, rule: Partial<ColourRule>): void =>
    tools.setColours(rules.map((each, i) => (i === at ? { ...each, ...rule } : each)));
  const move = (at: number, by: -1 | 1): void => {
    const list = [...rules];
    const [rule] = list.splice(at, 1);
    list.splice(at + by, 0, rule!);
    tools.setColours(list);
  };
  return (
    <Section title="Colour rules" close={close}>
      {rules.length === 0 && (
        <p>A rule colours the rows that pass a condition, such as ret &lt; 0. The first that fits counts.</p>
      )}
      <ol class="rules">
        {rules.map((rule, i) => (
          <li key={i}>
            <input
              type="checkbox"
              checked={rule.on}
              aria-label={`Rule ${i + 1} is on`}
              onChange={(event) => change(i, { on: event.currentTarget.checked })}
            />
            <span class="sample" data-tag={rule.colour} aria-hidden="true" />
            <select
              aria-label={`Colour of rule ${i + 1}`}
              value={rule.colour}
              onChange={(event) => change(i, { colour: event.currentTarget.value as RowColour })}
            >
              {COLOURS.map((colour) => (
                <option key={colour} value={colour}>
                  {colour}
                </option>
              ))}
            </select>
            <input
              type="text"
              class="rule-where"
              aria-label={`Condition of rule ${i + 1}`}
              aria-invalid={(faults[i] ?? null) !== null}
              placeholder="ret < 0"
              spellcheck={false}
              value={rule.where}
              onInput={(event) => change(i, { where: event.currentTarget.value.slice(0, 4096) })}
            />
            <IconButton icon="chevron-up" label={`Rule ${i + 1} earlier`} onPress={() => i > 0 && move(i, -1)} />
            <IconButton
              icon="chevron-down"
              label={`Rule ${i + 1} later`}
              onPress={() => i + 1 < rules.length && move(i, 1)}
            />
            <IconButton
              icon="trash"
              label={`Remove rule ${i + 1}`}
              onPress={() => tools.setColours(rules.filter((_, at) => at !== i))}
            />
            {(faults[i] ?? null) !== null && (
              <span class="rule-fault" role="alert">
                {visible(faults[i]!.message, 500)}
              </span>
            )}
          </li>
        ))}
      </ol>
      <button type="button" class="small" disabled={rules.length >= 50} onClick={() => tools.addColour('')}>
        Add a Rule
      </button>
    </Section>
  );
}

/** What is wrong with each rule, as the engine sees it for the shown stream. */
function useFaults(state: TraceState, rules: readonly ColourRule[]): (ErrorData | null)[] {
  const [faults, setFaults] = useState<(ErrorData | null)[]>([]);
  const key = JSON.stringify(rules.map(({ where }) => where));
  const stream = state.shownStream.value;
  useEffect(() => {
    let current = true;
    const asked = rules.map(({ where }) => state.ask({ ask: 'check', stream, where }));
    void Promise.all(asked).then(
      (answers) => current && setFaults(answers),
      () => undefined, // the rules stay as they are; rows that fit no rule stay plain
    );
    return () => {
      current = false;
    };
  }, [key, stream]);
  return faults;
}

function Bookmarks({ tools, close }: SectionProps): JSX.Element {
  const marks = tools.bookmarks.value;
  const note = (at: Bookmark, text: string): void =>
    tools.setBookmarks(marks.map((each) => (each === at ? { ...each, note: text.slice(0, 1000) } : each)));
  return (
    <Section title="Bookmarks" close={close}>
      {marks.length === 0 && (
        <p>No row is bookmarked. M marks the row where the keyboard is; ] and [ go from one to the next.</p>
      )}
      <ol class="rules">
        {marks.map((mark) => (
          <li key={`${mark.stream} ${mark.seq}`}>
            <button type="button" class="small" onClick={() => void tools.jump(mark)}>
              {clockOfCell(mark.time)} · row {count(mark.seq)}
              {mark.stream === '' ? '' : ` · ${visible(mark.stream, 60)}`}
            </button>
            <input
              type="text"
              class="rule-where"
              aria-label={`Note of row ${count(mark.seq)}`}
              placeholder="Note"
              value={mark.note}
              onInput={(event) => note(mark, event.currentTarget.value)}
            />
            <IconButton
              icon="trash"
              label={`Remove the bookmark of row ${count(mark.seq)}`}
              onPress={() => tools.setBookmarks(marks.filter((each) => each !== mark))}
            />
          </li>
        ))}
      </ol>
    </Section>
  );
}
