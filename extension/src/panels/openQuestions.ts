import type { ErrorData } from '@ringside/core/model';
import { errorData } from '../errors.ts';

/** Open questions of one panel to the engine; a panel that asks faster than it is answered is refused. */
const MOST_OPEN = 32;

/** What a page is told when its question has no answer. */
export interface FailedQuestion {
  type: 'failed';
  id: number;
  error: ErrorData;
}

/** Answers the questions of one page, a bounded number at a time. */
export class OpenQuestions {
  #open = 0;

  /** Posts what `ask` gives, or why there is no answer; `refusal` says why it is not even asked. */
  async answer<Answer>(
    id: number,
    refusal: string | null,
    ask: () => Promise<Answer>,
    post: (message: Answer | FailedQuestion) => void,
  ): Promise<void> {
    const message = refusal ?? (this.#open >= MOST_OPEN ? 'Too many questions at once.' : null);
    if (message !== null) {
      post({ type: 'failed', id, error: { code: 'usage', message, remedy: '', detail: '', links: [] } });
      return;
    }
    this.#open += 1;
    try {
      post(await ask());
    } catch (error) {
      post({ type: 'failed', id, error: errorData(error) });
    } finally {
      this.#open -= 1;
    }
  }
}
