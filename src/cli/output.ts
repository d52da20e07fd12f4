/** Says where the result can't be written; that progress can't is passed over. */
export function reportUnwritten(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads the result may have enough of it, as `head` does.
    if (error.code === 'EPIPE') process.exit();
    console.error(`rxfer: The result can't be written: ${error.message}`);
    process.exit(1);
  });
  // Progress that nobody reads any more is no reason to stop.
  process.stderr.on('error', () => undefined);
}
