/** Preloaded into a process by specs: says in a file how it ended. */
import { appendFileSync } from 'node:fs';

const file = process.env['RXFER_SPEC_EXIT'] ?? '';
const say = (news: object): void => appendFileSync(file, `${JSON.stringify(news)}\n`);
let lastWrite = performance.now();
for (const output of [process.stdout, process.stderr]) {
  const write = output.write.bind(output) as (...args: unknown[]) => boolean;
  output.write = (...args: unknown[]) => {
    lastWrite = performance.now();
    return write(...args);
  };
}
const exit = process.exit.bind(process);
process.exit = (code) => {
  say({ kind: 'forced', code });
  return exit(code);
};
// Comes when nothing is left to be done, and not when the process is made to exit.
process.once('beforeExit', () => say({ kind: 'itself', after: performance.now() - lastWrite }));
