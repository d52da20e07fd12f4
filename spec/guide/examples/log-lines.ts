import { createRegistryClient, type LogFields, type Logger, type RegistryClient } from 'rxfer';

const levels = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** A logger that writes lines of JSON, from a level upwards. With pino, `pino()` is one as it is. */
export function jsonLines(from: keyof Logger, write: (line: string) => void): Logger {
  const tell =
    (level: keyof Logger) =>
    (fields: LogFields, message: string): void => {
      if (levels.indexOf(level) < levels.indexOf(from)) return;
      write(`${JSON.stringify({ level, message, ...fields })}\n`);
    };
  return {
    trace: tell('trace'),
    debug: tell('debug'),
    info: tell('info'),
    warn: tell('warn'),
    error: tell('error'),
  };
}

/** A client that tells on standard error what it does. `createRxfer` takes a `logger` as well. */
export function loggingClient(from: keyof Logger): RegistryClient {
  return createRegistryClient({ logger: jsonLines(from, (line) => process.stderr.write(line)) });
}
