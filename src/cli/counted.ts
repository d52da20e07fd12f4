/** A number of things as people read it: `1 layer`, `2 layers`. */
export function counted(count: number, what: string): string {
  return `${count} ${count === 1 ? what : `${what}s`}`;
}
