import * as fc from 'fast-check';
import { forgetPieces, giveBack, pieceSize, takePiece } from '../../src/registry/lent-memory.js';

afterEach(forgetPieces);

it('is used again once all of it is given back, in whatever parts and order', () => {
  const shuffled = fc
    .uniqueArray(fc.integer({ min: 1, max: pieceSize - 1 }), { maxLength: 5 })
    .chain((cuts) => {
      const ends = [...cuts.sort((a, b) => a - b), pieceSize];
      const parts = ends.map((end, index) => ({ begin: ends[index - 1] ?? 0, end }));
      return fc.shuffledSubarray(parts, { minLength: parts.length });
    });
  fc.assert(
    fc.property(shuffled, (parts) => {
      forgetPieces();
      const piece = takePiece();
      for (const { begin, end } of parts) {
        expect(takePiece().buffer).not.toBe(piece.buffer);
        giveBack(piece.subarray(begin, end));
      }
      const again = takePiece();
      expect(again.buffer).toBe(piece.buffer);
      expect(again).toHaveLength(pieceSize);
    }),
  );
});

it('stays with its reader where a part is kept', () => {
  const piece = takePiece();
  giveBack(piece.subarray(1));
  expect(takePiece().buffer).not.toBe(piece.buffer);
});

it('is taken back once', () => {
  const piece = takePiece();
  giveBack(piece);
  giveBack(piece);
  expect(takePiece().buffer).toBe(piece.buffer);
  expect(takePiece().buffer).not.toBe(piece.buffer);
});

it('is nothing that came another way', () => {
  const copy = Buffer.alloc(pieceSize);
  giveBack(copy);
  expect(takePiece().buffer).not.toBe(copy.buffer);
});

it('waits for the next reads within a limit', () => {
  const pieces = Array.from({ length: 100 }, () => takePiece());
  const buffers = new Set(pieces.map(({ buffer }) => buffer));
  pieces.forEach((piece) => giveBack(piece));
  const again = pieces.map(() => takePiece()).filter(({ buffer }) => buffers.has(buffer));
  expect(again).toHaveLength((16 * 1024 * 1024) / pieceSize);
});

it('does not leave with a part of it that is given to a worker', () => {
  const piece = takePiece().fill('a');
  const part = piece.subarray(0, 10);
  // From Node 21 on an error, before that a copy.
  try {
    expect(structuredClone(part, { transfer: [part.buffer as ArrayBuffer] })).toHaveLength(10);
  } catch (error) {
    expect(error).toHaveProperty('name', 'DataCloneError');
  }
  expect(piece.subarray(-1).toString()).toBe('a');
});
