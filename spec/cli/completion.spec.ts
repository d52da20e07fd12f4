import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { completionScript, shells, type Shell } from '../../src/cli/completion.js';
import { describeProgram } from '../../src/cli/describe-program.js';
import { createProgram } from '../../src/cli/program.js';
import { createRegistryClient, createRxfer, openDiskStore } from '../../src/index.js';
import { sampleImage, startRegistry } from '../../src/testing/index.js';
import { cli, cliFile } from '../support/cli.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';
import { Terminal } from '../support/tmux.js';
import { until } from '../support/until.js';

const description = describeProgram(createProgram('1.2.3'));
let home: string;

/** A store with one image, whose name has a colon and a slash that isn't shown. */
beforeAll(async () => {
  home = temporaryFolder();
  const registry = await startRegistry();
  const client = createRegistryClient();
  try {
    registry.addImage('app', 'v1', await sampleImage({ layers: [[{ name: 'file' }]] }));
    const store = await openDiskStore(join(home, '.local/share/rxfer'));
    const reference = `${registry.host}/app:v1`;
    await lastValueFrom(createRxfer({ store, registry: client }).pull(reference));
    const record = await store.images.get(reference);
    await store.images.put({ ...record!, reference: 'docker.io/library/alpine:3.20' }, []);
    await store.images.delete(reference);
  } finally {
    await client.close();
    await registry.close();
  }
  mkdirSync(join(home, 'folder-one'));
  mkdirSync(join(home, 'bin'));
  const run = `#!/bin/sh\nexec "${process.execPath}" "${cliFile}" "$@"\n`;
  writeFileSync(join(home, 'bin/rxfer'), run, { mode: 0o755 });
});
afterAll(removeTemporaryFolders);

it.each(shells)('rxfer completion %s prints it', async (shell) => {
  const { code, stdout } = await cli('completion', shell);
  expect(code).toBe(0);
  expect(stdout).toBe(completionScript(description, shell));
});

it('is for shells that it knows', async () => {
  expect(await cli('completion', 'tcsh')).toMatchObject({ code: 2 });
});

describe.each(shells)('%s', (shell) => {
  describeWithPeers([shell], 'reads it', () => {
    it('without complaint, and no store is made by it', () => {
      const file = join(temporaryFolder(), 'script');
      const nowhere = join(temporaryFolder(), 'store');
      const list: Record<Shell, string> = {
        bash: `source ${file}; COMP_WORDS=(rxfer rmi ''); COMP_CWORD=2; _rxfer`,
        zsh: `autoload -U compinit; compinit -D -u; source ${file}; _rxfer_list ${nowhere}`,
        fish: `source ${file}; complete -C 'rxfer rmi '`,
      };
      writeFileSync(file, completionScript(description, shell));
      const bare = { bash: '--norc', zsh: '-f', fish: '--no-config' }[shell];
      const env = { PATH: process.env['PATH'], HOME: temporaryFolder(), RXFER_STORE: nowhere };
      const options = { encoding: 'utf8', env } as const;
      const { stdout, stderr } = spawnSync(shell, [bare, '-c', list[shell]], options);
      expect([stdout, stderr]).toEqual(['', '']);
      expect(existsSync(nowhere)).toBe(false);
    });
  });

  describeWithPeers([shell, 'tmux'], 'on a terminal', () => {
    let terminal: Terminal;

    beforeAll(async () => {
      const script = join(home, `completion.${shell}`);
      writeFileSync(script, completionScript(description, shell));
      const start = join(home, `.${shell}rc`);
      const path = `${home}/bin:${process.env['PATH'] ?? ''}`;
      const starts: Record<Shell, { lines: string[]; program: string[] }> = {
        bash: { lines: ["PS1='> '"], program: ['bash', '--rcfile', start, '-i'] },
        zsh: {
          lines: ["PS1='> '", 'autoload -U compinit', 'compinit -D -u'],
          program: ['zsh', '-i'],
        },
        fish: {
          lines: ["function fish_prompt; echo -n '> '; end"],
          program: ['fish', '--no-config', '--init-command', `source ${start}`],
        },
      };
      const { lines, program } = starts[shell];
      writeFileSync(start, [`cd ${home}`, ...lines, `source ${script}`, ''].join('\n'));
      const environment = { HOME: home, ZDOTDIR: home, PATH: path };
      terminal = new Terminal([], { columns: 100, rows: 40, environment, program });
      await until(() => terminal.lines().at(-1) === '>');
    }, 60_000);
    afterAll(() => terminal.close());

    it.each([
      ['rxfer unp', 'rxfer unpack'],
      ['rxfer help unp', 'rxfer help unpack'],
      ['rxfer gc --dry', 'rxfer gc --dry-run'],
      ['rxfer gc --log-level wa', 'rxfer gc --log-level warn'],
      ['rxfer pull --platform linux/s', 'rxfer pull --platform linux/s390x'],
      ['rxfer unpack al', 'rxfer unpack alpine:3.20'],
      ['rxfer rmi alpine:', 'rxfer rmi alpine:3.20'],
      [
        'rxfer unpack --link hard alpine:3.20 fol',
        'rxfer unpack --link hard alpine:3.20 folder-one/',
      ],
      ['rxfer copy store:al', 'rxfer copy store:alpine:3.20'],
      ['rxfer copy alpine:3.20 oci:fol', 'rxfer copy alpine:3.20 oci:folder-one/'],
      ['rxfer verify --store fol', 'rxfer verify --store folder-one/'],
    ])(
      '%s is completed',
      async (typed, completed) => {
        terminal.press('C-u');
        terminal.type(typed);
        terminal.press('Tab');
        await until(() => terminal.lines().includes(`> ${completed}`));
      },
      20_000,
    );
  });
});
