import { fileURLToPath } from 'node:url';

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * The command line with all that it needs in a few files: Node takes longer to find and read
 * hundreds of modules than most commands take. What is imported lazily stays a file of its own.
 */
export default {
  logLevel: 'warn',
  resolve: { alias: [{ find: /^undici$/, replacement: file('undici-parts.mjs') }] },
  // Not rxjs's CommonJS, which Node's own condition chooses, and from which nothing is shaken out.
  ssr: {
    noExternal: true,
    external: ['fastify'],
    resolve: { conditions: ['es2015', 'module', 'import', 'default'] },
  },
  build: {
    ssr: file('../dist/esm/cli/main.js'),
    // As deep as what it is made from, since it finds package.json from there.
    outDir: '/tmp/proto/a/b/bin',
    target: 'node20',
    rollupOptions: {
      output: {
        format: 'cjs',
        entryFileNames: '[name].cjs',
        chunkFileNames: '[name]-[hash].cjs',
        // Less to parse; the names stay for whoever reads a stack.
        minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
      },
    },
  },
};
