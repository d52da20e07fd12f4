import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.js';

/** A credential helper on a PATH of its own, `docker-credential-rxferspec`. */
export interface FakeHelper {
  readonly name: string;
  /** To be put into the environment of who is to use it. */
  readonly path: string;
  /** What it keeps, by server. */
  kept(): Record<string, { Username: string; Secret: string }>;
}

/**
 * Makes one that keeps what it is told in a file, by the protocol of docker-credential-helpers, but
 * for the verbs that it is `without`.
 */
export function fakeHelper(
  kept: ReturnType<FakeHelper['kept']> = {},
  without: readonly 'list'[] = [],
): FakeHelper {
  const folder = temporaryFolder();
  const file = join(folder, 'kept.json');
  writeFileSync(file, JSON.stringify(kept));
  const program = join(folder, 'docker-credential-rxferspec');
  writeFileSync(
    program,
    `#!${process.execPath}
const fs = require('node:fs');
const kept = JSON.parse(fs.readFileSync(${JSON.stringify(file)}, 'utf8'));
const input = fs.readFileSync(0, 'utf8');
const save = () => fs.writeFileSync(${JSON.stringify(file)}, JSON.stringify(kept));
const verbs = {
  get() {
    const found = kept[input.trim()];
    if (found === undefined) {
      process.stdout.write('credentials not found in native keychain\\n');
      process.exit(1);
    }
    process.stdout.write(JSON.stringify({ ServerURL: input.trim(), ...found }));
  },
  store() {
    const { ServerURL, Username, Secret } = JSON.parse(input);
    kept[ServerURL] = { Username, Secret };
    save();
  },
  erase() {
    delete kept[input.trim()];
    save();
  },
  list() {
    const users = Object.entries(kept).map(([server, { Username }]) => [server, Username]);
    process.stdout.write(JSON.stringify(Object.fromEntries(users)));
  },
};
if (${JSON.stringify(without)}.includes(process.argv[2])) {
  process.stdout.write('not implemented\\n');
  process.exit(1);
}
verbs[process.argv[2]]();
`,
  );
  chmodSync(program, 0o755);
  return {
    name: 'rxferspec',
    path: `${folder}:${process.env['PATH'] ?? ''}`,
    kept: () => JSON.parse(readFileSync(file, 'utf8')) as ReturnType<FakeHelper['kept']>,
  };
}
