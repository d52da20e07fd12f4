import { brotliDecompressSync } from 'node:zlib';

/** What is used of libzstd. Addresses and sizes are those of the instance's own memory. */
export interface ZstdLibrary {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(size: number): number;
  ZSTD_createDCtx(): number;
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

/** The types of Node 20 don't know of it. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  readonly Instance: new (
    module: object,
    imports: { readonly env: Readonly<Record<string, () => void>> },
  ) => { readonly exports: ZstdLibrary };
};

let compiled: Promise<object> | undefined;

/**
 * A libzstd with a memory of its own, which can grow but never shrink, and goes with the instance.
 * The module is read and compiled when the first one is asked for.
 */
export async function openZstdLibrary(): Promise<ZstdLibrary> {
  compiled ??= import('./zstd-module.js').then(({ zstdModule }) =>
    WebAssembly.compile(brotliDecompressSync(Buffer.from(zstdModule, 'base64'))),
  );
  // Whoever uses the memory looks at it anew after each call.
  const env = { emscripten_notify_memory_growth: (): void => undefined };
  return new WebAssembly.Instance(await compiled, { env }).exports;
}
