/** Preloaded into a process by specs: says in a file what of Node it loaded after V8's flags changed. */
import { appendFileSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import type * as V8 from 'node:v8';

// Not imported: what is imported can't be replaced.
const v8 = createRequire(__filename)('node:v8') as typeof V8;
const file = process.env['RXFER_SPEC_FLAGS'] ?? '';
const { moduleLoadList } = process as unknown as { readonly moduleLoadList: readonly string[] };
const set = v8.setFlagsFromString.bind(v8);
let loaded: number | undefined;
v8.setFlagsFromString = (flags) => {
  loaded ??= moduleLoadList.length;
  set(flags);
};
process.once('exit', () => {
  const late = moduleLoadList.slice(loaded).map((each) => each.replace(/^NativeModule /, ''));
  const known = late.filter((name) => builtinModules.includes(name) && !name.startsWith('_'));
  appendFileSync(file, JSON.stringify(loaded === undefined ? null : known));
});
