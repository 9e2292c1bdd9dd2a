/** A host that has not answered is asked again so often. */
const AGAIN_MS = 1000;

/**
 * Says that the page is there, until the host's answer (a message of one of these types) comes: VS Code drops what is posted to
 * a page that it is replacing.
 */
export function helloUntilAnswered(say: () => void, answers: readonly string[] = ['init']): void {
  const timer = setInterval(say, AGAIN_MS);
  const heard = ({ data }: MessageEvent<unknown>): void => {
    if (typeof data !== 'object' || data === null || !('type' in data)) return;
    if (typeof data.type !== 'string' || !answers.includes(data.type)) return;
    clearInterval(timer);
    removeEventListener('message', heard);
  };
  addEventListener('message', heard);
  say();
}
