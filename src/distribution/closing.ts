/** Something that is closed once, when the last of its users has let go of it. */
export interface Closable {
  /** Begins a use; the function returned ends it, once. */
  use(): () => void;
}

/**
 * Closes a descriptor when nobody uses it any more. A download may be cancelled while the fetch
 * that it began goes on for others, and with it the descriptor that the fetch reads from.
 */
export function closeAfterUse(descriptor: { close(): void }): Closable {
  let users = 0;
  return {
    use: () => {
      users++;
      let using = true;
      return () => {
        if (!using) return;
        using = false;
        users--;
        if (users === 0) descriptor.close();
      };
    },
  };
}
