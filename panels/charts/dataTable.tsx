import type { JSX } from 'preact';
import { count, visible } from '../shared/format.ts';
import type { Table } from './table.ts';

/** Rows that become elements: who wants them all copies them. */
const MOST_ROWS = 300;

/** The numbers of a chart, to be read. */
export function DataTable({ caption, table }: { caption: string; table: Table }): JSX.Element {
  const shown = table.rows.slice(0, MOST_ROWS);
  return (
    <div class="data-table" tabIndex={0} role="region" aria-label={`${caption}, as a table`}>
      <table>
        <caption class="only-read">{visible(caption, 200)}</caption>
        <thead>
          <tr>
            {table.heads.map((head, i) => (
              <th key={i} scope="col" class={i === 0 ? '' : 'right'}>
                {visible(head, 100)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map(({ texts }, i) => (
            <tr key={i}>
              {texts.map((text, k) => (
                <td key={k} class={k === 0 ? '' : 'right'}>
                  {visible(text, 200)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {table.rows.length > shown.length && (
        <p class="quiet">
          The first {count(shown.length)} of {count(table.rows.length)} rows; Copy as CSV has them all.
        </p>
      )}
      {table.rows.length === 0 && <p class="quiet">Nothing yet.</p>}
    </div>
  );
}
