import type { LogFields, Logger } from '../../src/transfer/index.js';
import { jsonLines } from '../guide/examples/log-lines.js';

/** A line of a log. */
export interface LogLine extends LogFields {
  readonly level: string;
  readonly message: string;
}

/** A logger that keeps what it is told. */
export class CollectedLogs {
  readonly lines: LogLine[] = [];
  readonly logger: Logger = jsonLines('trace', (line) =>
    this.lines.push(JSON.parse(line) as LogLine),
  );

  /** The lines with that message. */
  of(message: string): LogLine[] {
    return this.lines.filter((line) => line.message === message);
  }
}
