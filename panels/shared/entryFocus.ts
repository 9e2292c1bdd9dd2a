/**
 * VS Code gives the keyboard to a panel's page, and in it nothing has it at first: keys would do nothing until Tab has gone over
 * everything before the rows. Calls `take` then. A press of the mouse puts it elsewhere right after, and what had it keeps it.
 */
export function onEntryFocus(take: () => void): () => void {
  const came = (): void => {
    const at = document.activeElement;
    if (at === null || at === document.body) take();
  };
  addEventListener('focus', came);
  // It came while the page was loading.
  if (document.hasFocus()) came();
  return () => removeEventListener('focus', came);
}
