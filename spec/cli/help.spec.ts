import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { completionScript, shells } from '../../src/cli/completion.js';
import { describeProgram } from '../../src/cli/describe-program.js';
import { createProgram } from '../../src/cli/program.js';
import { manPage } from '../../src/cli/man-page.js';
import { cli } from '../support/cli.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const [program, ...commands] = describeProgram(createProgram('1.2.3'));
const own = commands.filter(({ name }) => name !== 'help');
const scripts = Object.fromEntries(
  shells.map((shell) => [shell, completionScript([program, ...commands], shell)]),
);

afterAll(removeTemporaryFolders);

function shell(command: string, ...args: string[]): string {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' });
  expect([stderr, status]).toEqual(['', 0]);
  return stdout;
}

describe('help', () => {
  it.each(own.map(({ name, examples }) => [name, examples] as const))(
    'of %s has examples, each of which is understood',
    async (name, examples) => {
      expect(examples).not.toEqual([]);
      for (const example of examples) {
        const words = /rxfer ([^|)>]*)/.exec(example)?.[1]?.trim().split(/\s+/) ?? [];
        const understood: string[] = [];
        const parsed = createProgram('1.2.3');
        for (const command of parsed.commands) {
          command.action(() => void understood.push(command.name()));
        }
        await parsed.parseAsync(words, { from: 'user' });
        expect(understood).toEqual([name]);
      }
    },
  );

  it('is shown by rxfer help COMMAND, with the examples', async () => {
    const { code, stdout } = await cli('help', 'pull');
    expect(code).toBe(0);
    expect(stdout).toContain('Examples:\n  rxfer pull alpine:3.20\n');
  });
});

describe('completion', () => {
  const inBash = (...words: string[]): string[] => {
    const line = words.map((word) => `'${word}'`).join(' ');
    const script = `${scripts['bash'] ?? ''}
      COMP_WORDS=(rxfer ${line}); COMP_CWORD=${words.length}; _rxfer; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return shell('bash', '--norc', '-c', script).trimEnd().split('\n');
  };

  it('by bash knows commands, options and the values of options', () => {
    expect(inBash('pu')).toEqual(['pull', 'push']);
    expect(inBash('pull', '--pl')).toEqual(['--plain-http', '--platform']);
    expect(inBash('pull', 'a', '--format', '')).toEqual(['text', 'json']);
    expect(inBash('completion', 'f')).toEqual(['fish']);
  });

  it('is what rxfer completion prints', async () => {
    const { code, stdout } = await cli('completion', 'bash');
    expect(code).toBe(0);
    expect(stdout).toBe(scripts['bash']);
    expect((await cli('completion', 'tcsh')).code).toBe(2);
  });

  describeWithPeers(['fish'], 'by fish', () => {
    it('knows commands, options and the values of options', () => {
      const inFish = (line: string): string[] =>
        shell('fish', '--no-config', '-c', `${scripts['fish'] ?? ''}\ncomplete -C '${line}'`)
          .trimEnd()
          .split('\n')
          .map((row) => row.split('\t')[0] ?? '');
      expect(inFish('rxfer pu')).toEqual(['pull', 'push']);
      expect(inFish('rxfer pull --pl')).toEqual(['--plain-http', '--platform']);
      expect(inFish('rxfer pull --format ')).toEqual(['json', 'text']);
    });
  });

  describeWithPeers(['zsh'], 'by zsh', () => {
    it('is read without complaint, and defines what completes', () => {
      const file = join(temporaryFolder(), 'completion.zsh');
      writeFileSync(file, scripts['zsh'] ?? '');
      const setUp = 'autoload -U compinit; compinit -D -u';
      const asked = 'print $_comps[rxfer]; print ${+functions[_rxfer]}';
      expect(shell('zsh', '-f', '-c', `${setUp}; source ${file}; ${asked}`)).toBe('_rxfer\n1\n');
    });
  });
});

describe('the manual', () => {
  const page = manPage([program, ...commands], '1.2.3');

  it('has every command with every option', () => {
    for (const { name, options } of own) {
      expect(page).toContain(`.SS "rxfer ${name}`);
      for (const { long } of options) expect(page).toContain(long.replaceAll('-', '\\-'));
    }
  });

  it('is what rxfer man prints', async () => {
    const { stdout } = await cli('man');
    expect(stdout.replace(/rxfer \d\S+"/, 'rxfer 1.2.3"')).toBe(page);
  });

  describeWithPeers(['man'], 'as man reads it', () => {
    it('is set without a warning', () => {
      const file = join(temporaryFolder(), 'rxfer.1');
      writeFileSync(file, page);
      expect(shell('man', '--warnings=w', '-E', 'UTF-8', '-P', 'cat', '-l', file)).toContain(
        'rxfer pull alpine:3.20',
      );
    });
  });
});
