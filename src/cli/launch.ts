#!/usr/bin/env node
import { reportUnwritten } from './output.js';
import { versionOfPackage } from './version.js';

reportUnwritten();

// What scripts ask for again and again comes without a command line made for it, which takes longer
// than all else here.
const [first, ...others] = process.argv.slice(2);
if (others.length === 0 && (first === '--version' || first === '-V')) {
  process.stdout.write(`${versionOfPackage()}\n`);
} else {
  void import('./start.js').then(({ start }) => start(first));
}
