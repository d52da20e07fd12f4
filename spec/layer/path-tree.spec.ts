import * as fc from 'fast-check';
import { PathTree } from '../../src/layer/path-tree.js';

const path = fc
  .array(fc.constantFrom('a', 'b', 'c', 'a b'), { minLength: 1, maxLength: 4 })
  .map((components) => `/${components.join('/')}`);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('set'), path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete'), path }) },
);

test('holds what a table of paths would', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const tree = new PathTree<number>();
      const table = new Map<string, number>();
      for (const [value, { do: what, path }] of steps.entries()) {
        if (what === 'set') {
          tree.set(path, value);
          table.set(path, value);
        } else {
          tree.delete(path);
          for (const other of table.keys()) {
            if (other === path || other.startsWith(`${path}/`)) table.delete(other);
          }
        }
        for (const each of [...steps.map((one) => one.path), '/a', '/nowhere']) {
          expect(tree.get(each)).toBe(table.get(each));
        }
      }
      const listed = [...tree.deepestFirst()];
      expect(new Map(listed)).toEqual(table);
      expect(listed).toHaveLength(table.size);
    }),
  );
});

test('lists what is below a path before it', () => {
  fc.assert(
    fc.property(fc.uniqueArray(path, { maxLength: 20 }), (paths) => {
      const tree = new PathTree<string>();
      for (const each of paths) tree.set(each, each);
      const listed = [...tree.deepestFirst()].map(([each]) => each);
      for (const [place, each] of listed.entries()) {
        const later = listed.slice(place + 1);
        expect(later.filter((other) => other.startsWith(`${each}/`))).toEqual([]);
      }
    }),
  );
});

test('is empty when it was cleared', () => {
  const tree = new PathTree<number>();
  tree.set('/a/b', 1);
  tree.set('/a/c', 2);
  tree.clear();
  expect([...tree.deepestFirst()]).toEqual([]);
  expect(tree.get('/a/b')).toBeUndefined();
  tree.set('/a/b', 3);
  expect([...tree.deepestFirst()]).toEqual([['/a/b', 3]]);
});
