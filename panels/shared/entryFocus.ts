/**
 * Moves the keyboard within the page. It goes nowhere when it is not in the page: an element that takes it from outside, where
 * the browser lets it, ends typing in the editor and closes an open picker.
 */
export function moveFocus(element: HTMLElement | null | undefined): void {
  if (document.hasFocus()) element?.focus({ preventScroll: true });
}

/**
 * VS Code gives the keyboard to a panel's page, and in it nothing has it at first: keys would do nothing until Tab has gone over
 * everything before the rows. Calls `take` then. A press of the mouse puts it elsewhere right after, and what had it keeps it.
 */
export function onEntryFocus(take: () => void): () => void {
  const came = (): void => {
    const at = document.activeElement;
    // The event may come when the keyboard has left again.
    if (document.hasFocus() && (at === null || at === document.body)) take();
  };
  addEventListener('focus', came);
  // It came while the page was loading.
  came();
  return () => removeEventListener('focus', came);
}
