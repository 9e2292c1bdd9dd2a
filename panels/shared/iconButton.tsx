import type { JSX } from 'preact';

export interface IconButtonProps {
  /** Codicon name; shared/icons.css must know it. */
  icon: string;
  label: string;
  /** Keys that do the same, for the tooltip. */
  keys?: string;
  onPress: (button: HTMLElement) => void;
  text?: string;
}

/**
 * A toolbar button. The icon is slotted text in the page's own font: vscode-icon would load the whole style sheet once
 * more for every icon.
 */
export function IconButton({ icon, label, keys, onPress, text }: IconButtonProps): JSX.Element {
  const title = keys === undefined ? label : `${label} (${keys})`;
  return (
    <vscode-toolbar-button label={label} title={title} onClick={(event) => onPress(event.currentTarget)}>
      <span class={`codicon codicon-${icon}`} aria-hidden="true" />
      {text !== undefined && <span class="button-text">{text}</span>}
    </vscode-toolbar-button>
  );
}
