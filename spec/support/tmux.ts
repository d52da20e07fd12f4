import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliEnvironment, cliFile } from './cli.js';
import { temporaryFolder } from './temporary-folder.js';
import { until } from './until.js';

/** The command line, or another program, in a terminal of its own, drawn by tmux. */
export class Terminal {
  readonly #socket: string;

  constructor(
    args: readonly string[],
    options: {
      readonly columns: number;
      readonly rows: number;
      readonly environment?: Readonly<Record<string, string>>;
      /** Default: the command line. */
      readonly program?: readonly string[];
    },
  ) {
    const folder = temporaryFolder();
    this.#socket = join(folder, 'tmux');
    const config = join(folder, 'tmux.conf');
    writeFileSync(config, 'set -g status off\n');
    const environment = { ...cliEnvironment(folder), ...options.environment };
    const size = ['-x', String(options.columns), '-y', String(options.rows)];
    const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    // Holds the terminal open, so that it can be looked at once the command has ended.
    const shell = 'trap : INT; "$@"; echo "exit code $?"; exec sleep 1000';
    const command = ['sh', '-c', shell, 'sh', 'env', '-u', 'CI', ...assignments];
    command.push(...(options.program ?? [process.execPath, cliFile]), ...args);
    this.#tmux('-f', config, 'new-session', '-d', ...size, ...command);
  }

  /** What is seen, line by line, without the empty ones. */
  lines(): string[] {
    return this.#capture('-p');
  }

  /** What is seen and what has scrolled away. */
  history(): string[] {
    return this.#capture('-p', '-S', '-');
  }

  /** What is seen, with the escape sequences of its colours. */
  colored(): string {
    return this.#capture('-p', '-e').join('\n');
  }

  type(text: string): void {
    this.#tmux('send-keys', '-l', text);
  }

  press(key: string): void {
    this.#tmux('send-keys', key);
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** The exit code, once it has ended. */
  async ended(): Promise<number> {
    const exitCode = (): string | undefined =>
      /^exit code (\d+)$/.exec(this.#capture('-p').at(-1) ?? '')?.[1];
    await until(() => exitCode() !== undefined);
    return Number(exitCode());
  }

  showsCursor(): boolean {
    return this.#tmux('display-message', '-p', '#{cursor_flag}').trim() === '1';
  }

  close(): void {
    this.#tmux('kill-server');
  }

  #capture(...args: string[]): string[] {
    return this.#tmux('capture-pane', ...args)
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '');
  }

  #tmux(...args: string[]): string {
    const { stdout, stderr, status } = spawnSync('tmux', ['-S', this.#socket, ...args], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`);
    return stdout;
  }
}
