import * as fc from 'fast-check';
import {
  forgetPieces,
  giveBack,
  lend,
  pieceSize,
  takePiece,
} from '../../src/registry/lent-memory.js';

afterEach(forgetPieces);

it('is used again once all of it is given back, in whatever parts and order', () => {
  const shuffled = fc
    .uniqueArray(fc.integer({ min: 1, max: 999 }), { maxLength: 5 })
    .chain((cuts) => {
      const ends = [...cuts.sort((a, b) => a - b), 1000];
      const parts = ends.map((end, index) => ({ begin: ends[index - 1] ?? 0, end }));
      return fc.shuffledSubarray(parts, { minLength: parts.length });
    });
  fc.assert(
    fc.property(shuffled, (parts) => {
      forgetPieces();
      const piece = takePiece();
      const chunk = lend(piece, 1000);
      for (const { begin, end } of parts) {
        expect(takePiece().buffer).not.toBe(piece.buffer);
        giveBack(chunk.subarray(begin, end));
      }
      const again = takePiece();
      expect(again.buffer).toBe(piece.buffer);
      expect(again).toHaveLength(pieceSize);
    }),
  );
});

it('stays with its reader where a part is kept', () => {
  const piece = takePiece();
  const chunk = lend(piece, 1000);
  giveBack(chunk.subarray(1));
  expect(takePiece().buffer).not.toBe(piece.buffer);
});

it('is taken back once', () => {
  const chunk = lend(takePiece(), 1000);
  giveBack(chunk);
  giveBack(chunk);
  expect(takePiece().buffer).toBe(chunk.buffer);
  expect(takePiece().buffer).not.toBe(chunk.buffer);
});

it('is nothing that came another way', () => {
  const copy = Buffer.alloc(pieceSize);
  giveBack(copy);
  expect(takePiece().buffer).not.toBe(copy.buffer);
});

it('waits for the next reads within a limit', () => {
  const chunks = Array.from({ length: 100 }, () => lend(takePiece(), pieceSize));
  const buffers = new Set(chunks.map(({ buffer }) => buffer));
  chunks.forEach((chunk) => giveBack(chunk));
  const again = chunks.map(() => takePiece()).filter(({ buffer }) => buffers.has(buffer));
  expect(again).toHaveLength((16 * 1024 * 1024) / pieceSize);
});
