// The vscode-elements that panels use, as JSX knows them. Properties are those of the components' own classes.
import type { VscodeButton } from '@vscode-elements/elements/dist/vscode-button/vscode-button.js';
import type { VscodeBadge } from '@vscode-elements/elements/dist/vscode-badge/vscode-badge.js';
import type { VscodeOption } from '@vscode-elements/elements/dist/vscode-option/vscode-option.js';
import type { VscodeSingleSelect } from '@vscode-elements/elements/dist/vscode-single-select/vscode-single-select.js';
import type { VscodeTextfield } from '@vscode-elements/elements/dist/vscode-textfield/vscode-textfield.js';
import type { VscodeToolbarButton } from '@vscode-elements/elements/dist/vscode-toolbar-button/vscode-toolbar-button.js';

// Another name, because inside preact's JSX namespace the plain one means a deprecated twin.
import type { HTMLAttributes as Html } from 'preact';

type Own<Element extends HTMLElement> = Partial<Omit<Element, keyof HTMLElement>>;

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'vscode-button': Html<VscodeButton> & Own<VscodeButton>;
      'vscode-badge': Html<VscodeBadge> & Own<VscodeBadge>;
      'vscode-option': Html<VscodeOption> & Own<VscodeOption>;
      'vscode-single-select': Html<VscodeSingleSelect> & Own<VscodeSingleSelect>;
      'vscode-textfield': Html<VscodeTextfield> & Own<VscodeTextfield>;
      'vscode-toolbar-button': Html<VscodeToolbarButton> & Own<VscodeToolbarButton>;
    }
  }
}
