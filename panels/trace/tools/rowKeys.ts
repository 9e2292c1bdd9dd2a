import type { RowTools } from './rowTools.ts';

/** Keys of the rows beside the grid's own: M marks one, ] and [ go to the next and the last mark. @returns what stops it. */
export function listenToRowKeys(grid: HTMLElement, tools: RowTools, seq: () => number | null): () => void {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = seq();
    if (event.key === 'm' && row !== null) void tools.toggleBookmark(row);
    else if (event.key === ']') void tools.jumpFrom(row, 1);
    else if (event.key === '[') void tools.jumpFrom(row, -1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  grid.addEventListener('keydown', onKeyDown);
  return () => grid.removeEventListener('keydown', onKeyDown);
}
