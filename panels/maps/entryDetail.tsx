import type { MapEntryDetail } from '@ringside/core/model';
import type { JSX } from 'preact';
import { clock, visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import { sparkPath } from './spark.ts';
import type { MapsState } from './state.ts';

const LONGEST = 10_000;

/** One entry: its members with their types, each CPU's values, its bytes, and how it changed. */
export function EntryDetail({ state, close }: { state: MapsState; close: () => void }): JSX.Element {
  const detail = state.detail.value;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close();
  };
  return (
    <section class="entry" aria-label="Entry" onKeyDown={onKeyDown}>
      <div class="entry-head">
        <h2>{detail === null ? 'Entry' : visible(detail.key, 200)}</h2>
        <IconButton icon="close" label="Close the entry" keys="Escape" onPress={close} />
      </div>
      {detail === null ? (
        <p class="quiet">Select a row to see its members, their types, its bytes and how it changed.</p>
      ) : (
        <div class="entry-body" tabIndex={0} aria-label="Members and bytes">
          <Fields detail={detail} />
          <div class="entry-side">
            <History detail={detail} of={state.shown.value?.rateOf ?? ''} />
            {detail.perCpu.map((text, cpu) => (
              <div key={cpu} class="of-cpu">
                <span>CPU {cpu}</span> {visible(text, LONGEST)}
              </div>
            ))}
            <pre class="hex">
              {detail.hex
                .split('\n')
                .map((line) => visible(line))
                .join('\n')}
            </pre>
          </div>
        </div>
      )}
    </section>
  );
}

function Fields({ detail }: { detail: MapEntryDetail }): JSX.Element {
  return (
    <table class="fields">
      <thead>
        <tr>
          <th scope="col">member</th>
          <th scope="col">value</th>
          <th scope="col">type</th>
        </tr>
      </thead>
      <tbody>
        {detail.fields.map(({ path, text, type }) => (
          <tr key={path}>
            <th scope="row">{visible(path, 300)}</th>
            <td class="value">{visible(text, LONGEST)}</td>
            <td class="type">{visible(type, 300)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The followed member over the last looks; as a table for those who do not see the line. */
function History({ detail, of }: { detail: MapEntryDetail; of: string }): JSX.Element | null {
  const { history } = detail;
  const [first, last] = [history[0], history.at(-1)];
  if (of === '' || first === undefined || last === undefined || history.length < 2) return null;
  const values = history.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  // From its own least to its own most: a counter's line would be flat otherwise.
  const path = sparkPath(
    values.map((value) => value - low),
    400,
    48,
  );
  const words = `${of} from ${clock(first.at)} to ${clock(last.at)}: ${low} to ${high}, now ${last.value}`;
  return (
    <figure class="history">
      <svg viewBox="0 0 400 48" preserveAspectRatio="none" role="img" aria-label={visible(words)}>
        <path d={path} />
      </svg>
      <figcaption>{visible(words)}</figcaption>
      <table class="only-read">
        <caption>{visible(of)} at each look</caption>
        <tbody>
          {history.slice(-20).map(({ at, value, rate }) => (
            <tr key={at}>
              <th scope="row">{clock(at)}</th>
              <td>{value}</td>
              <td>{rate === null ? '' : `${rate} a second`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
