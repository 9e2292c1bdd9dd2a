/** The explorer's keys: one table, for the listener and for the help that lists them. */
import type { ExplorerView } from '@ringside/core/model';

export interface Actions {
  move: (by: number) => void;
  first: () => void;
  last: () => void;
  set: () => void;
  visit: (forward: boolean) => void;
  back: () => void;
  rejected: () => void;
  search: () => void;
  match: (forward: boolean) => void;
  view: (view: ExplorerView) => void;
  copy: () => void;
  link: () => void;
  source: () => void;
}

export interface Pressed {
  key: string;
  alt: boolean;
  ctrl: boolean;
  shift: boolean;
  /** Where the keyboard is: what is typed there belongs to it. */
  where: 'text' | 'source' | 'button' | 'rows' | 'page';
}

const views: Record<string, ExplorerView> = { '1': 'path', '2': 'visits', '3': 'tree', '4': 'log', '5': 'compare' };
const PAGE = 20;

/** Does what a key stands for; false when it is not one of the explorer's. */
export function press({ key, alt, ctrl, shift, where }: Pressed, actions: Actions): boolean {
  if (key === 'F3') return done(() => actions.match(!shift));
  if (where === 'text') return false;
  if (alt) return key === 'ArrowLeft' && done(actions.back);
  if (ctrl) return key.toLowerCase() === 'c' && where !== 'source' && done(actions.copy);
  // The editor scrolls and moves its cursor with the arrows, a button is pressed by Enter and space.
  if (where !== 'source') {
    switch (key) {
      case 'ArrowDown':
        return done(() => actions.move(1));
      case 'ArrowUp':
        return done(() => actions.move(-1));
      case 'PageDown':
        return done(() => actions.move(PAGE));
      case 'PageUp':
        return done(() => actions.move(-PAGE));
      case 'Home':
        return done(actions.first);
      case 'End':
        return done(actions.last);
    }
  }
  const view = views[key];
  if (view !== undefined) return done(() => actions.view(view));
  switch (key) {
    case 'j':
      return done(() => actions.move(1));
    case 'k':
      return done(() => actions.move(-1));
    case 's':
      return done(actions.set);
    case 'n':
      return done(() => actions.visit(true));
    case 'p':
      return done(() => actions.visit(false));
    case 'b':
      return done(actions.back);
    case 'x':
      return done(actions.rejected);
    case 'e':
      return done(actions.source);
    case 'l':
      return done(actions.link);
    case '/':
      return done(actions.search);
    default:
      return false;
  }
}

function done(action: () => void): true {
  action();
  return true;
}
