import * as fs from 'node:fs';
import * as module from 'node:module';
import { homedir } from 'node:os';
import * as path from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import * as vm from 'node:vm';

/**
 * Runs a CommonJS file, and the files beside it that it requires, with the code that V8 made of them
 * in an earlier run: compiling takes longer than most commands do. Node keeps such code by itself
 * from version 22 on; before, {@link CodeCache} does.
 *
 * It is kept in the user's cache folder, which may be removed at any time, and not at all where
 * `NODE_DISABLE_COMPILE_CACHE` is set or somebody else can write there.
 */
export function requireCached(file: string): void {
  const folder = cacheFolder();
  const { enableCompileCache } = module as NodeCache;
  if (folder === undefined || enableCompileCache !== undefined) {
    if (folder !== undefined) enableCompileCache?.(folder);
    module.createRequire(file)(file);
    return;
  }
  const cache = new CodeCache(folder);
  // When all that will be called has been called, and thus compiled.
  process.once('exit', () => cache.save());
  cache.require(file);
}

/** In ms. */
const lifetime = 30 * 24 * 60 * 60 * 1000;
/** In ms: how long what is kept stays as it is, at first. Each look at it that finds nothing doubles that. */
const untilLook = 10 * 1000;
/** By how much the kept code must have grown to be kept anew. */
const growth = 1.05;

interface CachedScript {
  readonly script: vm.Script;
  /** Bytes of its code that are kept. */
  readonly size: number;
}

interface NodeCache {
  readonly enableCompileCache?: (folder: string) => unknown;
}

/**
 * Files of one folder that were run, and the code that V8 made of them. They are told apart by
 * their names, which must change with what is in them: V8 looks at a source's length alone.
 */
class CodeCache {
  readonly #folder: string;
  /** Of V8 and its flags. */
  readonly #tag = cachedDataVersionTag().toString(16);
  readonly #looks: string;
  readonly #exports = new Map<string, { exports: unknown }>();
  readonly #scripts = new Map<string, CachedScript>();
  #isComplete = true;

  constructor(folder: string) {
    this.#folder = folder;
    this.#looks = path.join(folder, `looks-${this.#tag}`);
  }

  require(file: string): unknown {
    const known = this.#exports.get(file);
    if (known !== undefined) return known.exports;
    const own = { exports: {} };
    this.#exports.set(file, own);
    const toOthers = module.createRequire(file);
    const require = (id: string): unknown =>
      id.startsWith('./') ? this.require(path.join(path.dirname(file), id)) : toOthers(id);
    const run = this.#compile(file).runInThisContext() as ModuleFunction;
    run(own.exports, require, own, file, path.dirname(file));
    return own.exports;
  }

  /**
   * Keeps what isn't kept yet, and with it what more of the other files was compiled meanwhile. Now and
   * then it looks whether that is much, since the first run may have failed early, or done
   * something else; not each time, which would cost each run some ms.
   */
  save(): void {
    try {
      if (this.#isComplete && !this.#isToLook()) return;
      this.#removeOld();
      const grown = [...this.#scripts].flatMap(([file, { script, size }]) => {
        const code = script.createCachedData();
        return code.length > size * growth ? [{ file, code }] : [];
      });
      for (const { file, code } of grown) replaceFile(file, code);
      fs.writeFileSync(this.#looks, '.', { flag: grown.length > 0 ? 'w' : 'a', mode: 0o600 });
    } catch {
      // The next run is as slow as this one.
    }
  }

  /** Whether the last look, of which the file has a byte for each, is long enough ago. */
  #isToLook(): boolean {
    const last = fs.statSync(this.#looks, { throwIfNoEntry: false });
    return last === undefined || Date.now() - last.mtimeMs > untilLook * 2 ** (last.size - 1);
  }

  /** What other versions have left; what is still used is soon made anew. */
  #removeOld(): void {
    const oldest = Date.now() - lifetime;
    for (const name of fs.readdirSync(this.#folder)) {
      const file = path.join(this.#folder, name);
      const stats = fs.lstatSync(file);
      if (stats.isFile() && stats.mtimeMs < oldest) fs.rmSync(file);
    }
  }

  #compile(file: string): vm.Script {
    const source = fs.readFileSync(file, 'utf8');
    const cached = path.join(this.#folder, `${path.basename(file)}-${this.#tag}`);
    const code = readIfThere(cached);
    const script = new vm.Script(
      `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
      {
        filename: file,
        ...(code !== undefined && { cachedData: code }),
        importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      },
    );
    const isKept = code !== undefined && script.cachedDataRejected !== true;
    if (!isKept) this.#isComplete = false;
    this.#scripts.set(cached, { script, size: isKept ? code.length : 0 });
    return script;
  }
}

type ModuleFunction = (
  exports: unknown,
  require: (id: string) => unknown,
  module: { exports: unknown },
  filename: string,
  dirname: string,
) => void;

function readIfThere(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}

function replaceFile(file: string, bytes: Buffer): void {
  const temporary = `${file}.${process.pid}`;
  try {
    fs.writeFileSync(temporary, bytes, { mode: 0o600 });
    fs.renameSync(temporary, file);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

/** Where code may be kept: what is read from there is run. */
function cacheFolder(): string | undefined {
  const { NODE_DISABLE_COMPILE_CACHE: disabled, XDG_CACHE_HOME: chosen } = process.env;
  if (disabled) return undefined;
  try {
    const isChosen = chosen !== undefined && path.isAbsolute(chosen);
    const root = isChosen ? chosen : path.join(homedir(), '.cache');
    const own = path.join(root, 'rxfer');
    const folder = path.join(own, 'code');
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    return isSafe(root, 'root') && isSafe(own) && isSafe(folder) ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** Whether nobody but this user, or root above what is ours, can put something else there. */
function isSafe(folder: string, owner: 'user' | 'root' = 'user'): boolean {
  const { uid, mode } = fs.statSync(folder);
  const isOwned =
    process.getuid === undefined || uid === process.getuid() || (owner === 'root' && uid === 0);
  // In a sticky one, others can't rename what is ours.
  const isShared = (mode & 0o022) !== 0 && !(owner === 'root' && (mode & 0o1000) !== 0);
  return isOwned && !isShared;
}
