import { fileURLToPath } from 'node:url';

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The dashboard's page, whose policy lets in no script or style but its own files. */
export default {
  root: folder('../src/engine/page'),
  base: './',
  logLevel: 'warn',
  build: {
    outDir: folder('../dist/dashboard'),
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Browsers are told to keep nothing, so that names needn't change with what is in the files.
    rollupOptions: {
      output: { entryFileNames: 'assets/[name].js', assetFileNames: 'assets/[name][extname]' },
    },
  },
};
