import { fileURLToPath } from 'node:url';

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * What takes ms to load, the packages that load it for what they aren't asked for here, or for
 * little, and what stands in for it.
 */
const replaced = [
  ['node:http2', '/node_modules/undici/', 'unused.mjs'],
  ['node:child_process', '/node_modules/commander/', 'unused.mjs'],
  ['node:http', '/node_modules/undici/', 'plain-http.mjs'],
  ['node:assert', '/node_modules/undici/', 'plain-assert.cjs'],
  ['assert', '/node_modules/signal-exit/', 'plain-assert.cjs'],
];

/** ASCII alone, of which V8 keeps a byte for each character rather than two. */
const escaped = (code) =>
  code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * The command line with all that it needs in a few files: Node takes longer to find and read
 * hundreds of modules than most commands take. What is imported lazily stays a file of its own.
 */
export default {
  logLevel: 'warn',
  resolve: {
    alias: [{ find: /^undici$/, replacement: file('undici-parts.mjs') }],
  },
  // Not rxjs's CommonJS, which Node's own condition chooses, and from which nothing is shaken out.
  ssr: {
    noExternal: true,
    external: ['fastify'],
    resolve: { conditions: ['es2015', 'module', 'import', 'default'] },
  },
  build: {
    ssr: true,
    // As deep as what it is made from, since it finds package.json from there.
    outDir: file('../dist/cli/bin'),
    target: 'node20',
    rollupOptions: {
      input: { main: file('../dist/esm/cli/launch.js'), program: file('../dist/esm/cli/main.js') },
      output: {
        // What V8 made of it can be kept, which no version of Node lets us do with ES modules.
        format: 'cjs',
        // The program's name changes with what is in it, as those of chunks do.
        entryFileNames: ({ name }) => (name === 'main' ? 'main.js' : '[name]-[hash].js'),
        chunkFileNames: '[name]-[hash].js',
        // Less to parse; the names stay for whoever reads a stack.
        minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
      },
    },
  },
  plugins: [
    {
      name: 'replaced-builtins',
      enforce: 'pre',
      resolveId(id, importer = '') {
        const found = replaced.find(([builtin, user]) => id === builtin && importer.includes(user));
        return found === undefined ? undefined : file(found[2]);
      },
    },
    {
      name: 'package-of-the-bundle',
      generateBundle(_, files) {
        for (const each of Object.values(files))
          if (each.type === 'chunk') each.code = escaped(each.code);
        const program = Object.values(files).find(({ name }) => name === 'program');
        const source = JSON.stringify({ type: 'commonjs', main: program.fileName });
        this.emitFile({ type: 'asset', fileName: 'package.json', source });
      },
    },
  ],
};
