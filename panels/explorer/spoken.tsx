/**
 * Words that a screen reader says between what is drawn. Rows and values have no label of their own: who speaks to the
 * computer says what is to be seen, and what is read out must hold it.
 */
import type { JSX } from 'preact';

/** A word that is read out and not drawn. */
export const Spoken = ({ children }: { children: string }): JSX.Element => <span class="only-read"> {children} </span>;

/** A sign that is drawn, and the word that is read out for it. */
export function Mark({ sign, word, className }: { sign: string; word: string; className: string }): JSX.Element {
  return (
    <span class={className} title={word}>
      <span aria-hidden="true">{sign}</span>
      <Spoken>{word}</Spoken>
    </span>
  );
}

/** The C line at the end of a row; 0 = not known, the place stays empty. */
export function LineNumber({ line }: { line: number }): JSX.Element {
  return (
    <span class="line">
      {line > 0 && (
        <>
          <Spoken>line</Spoken>
          {line}
        </>
      )}
    </span>
  );
}
