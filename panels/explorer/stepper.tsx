import type { JSX } from 'preact';
import { count } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import type { ExplorerState } from './state.ts';
import { complexityWords, visitWords } from './words.ts';

/** Along the path, to where a value was set, to the next visit of the line. */
export function Stepper({ state }: { state: ExplorerState }): JSX.Element {
  const info = state.info.value;
  const { index, length } = state.cursor.value;
  const now = state.now.value;
  const chosen = state.chosen.value;
  const visit = now === null ? '' : visitWords(now);
  return (
    <div class="stepper" role="toolbar" aria-label="Steps">
      <IconButton icon="step-first" label="First instruction" keys="Home" onPress={() => void state.first()} />
      <IconButton icon="arrow-left" label="Back one instruction" keys="Up, k" onPress={() => void state.move(-1)} />
      <IconButton
        icon="arrow-right"
        label="Forward one instruction"
        keys="Down, j"
        onPress={() => void state.move(1)}
      />
      <IconButton icon="step-last" label="Last instruction" keys="End" onPress={() => void state.last()} />
      <span class="place">{length === 0 ? '' : `${count(index + 1)} of ${count(length)}`}</span>
      <IconButton
        icon="discard"
        label={`Where ${chosen === '' ? 'it' : chosen} was set`}
        keys="s"
        text={`where ${chosen === '' ? 'it' : chosen} was set`}
        onPress={() => void state.goToSet()}
      />
      {visit !== '' && (
        <>
          <IconButton
            icon="chevron-up"
            label="Previous visit of the line"
            keys="p"
            onPress={() => void state.goToVisit(false)}
          />
          <IconButton
            icon="chevron-down"
            label={`Next visit of the line, ${visit}`}
            keys="n"
            text={visit}
            onPress={() => void state.goToVisit(true)}
          />
        </>
      )}
      {state.canGoBack.value && (
        <IconButton
          icon="history"
          label="Back to where you were"
          keys="Alt+Left, b"
          text="back"
          onPress={() => void state.back()}
        />
      )}
      <span class="complexity">{info === null ? '' : complexityWords(info)}</span>
    </div>
  );
}
