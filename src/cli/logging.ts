import { silentLogger, type LogFields, type Logger } from '../transfer/index.js';
import { logLevels, type LogLevel, type LogOptions } from './log-options.js';

/** A logger that writes on standard error what `--log-level` lets through. */
export function openLogger({
  logLevel,
  logFormat,
}: Pick<LogOptions, 'logLevel' | 'logFormat'>): Logger {
  const format = logFormat === 'json' ? jsonLine : textLine;
  const write = (level: Exclude<LogLevel, 'silent'>): Logger['info'] => {
    if (logLevels.indexOf(level) > logLevels.indexOf(logLevel)) return () => undefined;
    return (fields, message) => {
      const time = new Date().toISOString();
      process.stderr.write(`${escaped(format(time, level, message, fields))}\n`);
    };
  };
  return {
    ...silentLogger,
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
}

function jsonLine(time: string, level: string, message: string, fields: LogFields): string {
  return JSON.stringify({ time, level, message, ...fields });
}

function textLine(time: string, level: string, message: string, fields: LogFields): string {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  const pairs = known.map(([name, value]) => ` ${name}=${textValue(String(value))}`);
  return `${time} ${level.padEnd(5)} ${message}${pairs.join('')}`;
}

/** Quoted where its end couldn't be told otherwise. */
function textValue(value: string): string {
  return /^[^\s"=\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value);
}

/** What a server or a file's name brings along is no terminal's to follow, and still JSON. */
function escaped(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
