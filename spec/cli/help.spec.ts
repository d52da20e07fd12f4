import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeProgram } from '../../src/cli/describe-program.js';
import { createProgram } from '../../src/cli/program.js';
import { manPage } from '../../src/cli/man-page.js';
import { cli } from '../support/cli.js';
import { describeWithPeers } from '../support/peers.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

const [program, ...commands] = describeProgram(createProgram('1.2.3'));
const own = commands.filter(({ name }) => name !== 'help');

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

  it('is pointed at by what is said of wrong usage', async () => {
    const { code, stderr } = await cli('unpack', 'app:v1');
    expect(code).toBe(2);
    expect(stderr).toBe("error: missing required argument 'dir'\n(rxfer help unpack shows how)\n");
  });

  it('is shown by rxfer help COMMAND, with the examples', async () => {
    const { code, stdout } = await cli('help', 'pull');
    expect(code).toBe(0);
    expect(stdout).toContain('Examples:\n  rxfer pull alpine:3.20\n');
  });

  it.each([
    ['nothing', ''],
    ['pul', '(Did you mean pull?)\n'],
  ])('says that there is no command %s', async (name, suggestion) => {
    const { code, stdout, stderr } = await cli('help', name);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      `error: unknown command '${name}'\n${suggestion}(rxfer --help shows what there is)\n`,
    );
  });
});

describe('the manual', () => {
  const page = manPage([program, ...commands], '1.2.3');

  it('has a date, which is the same whenever it is built', () => {
    expect(page).toMatch(/^\.TH RXFER 1 "\d{4}-\d\d-\d\d" "rxfer 1\.2\.3" /);
  });

  it('shows a value that may be left out as such', () => {
    expect(page).toContain('\\fB\\-\\-link\\fR [\\fIhow\\fR]\n');
    expect(page).toContain('\\fB\\-\\-store\\fR \\fIdir\\fR\n');
  });

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

  describeWithPeers(['mandoc'], 'as mandoc reads it', () => {
    it('has nothing to complain of', () => {
      const file = join(temporaryFolder(), 'rxfer.1');
      writeFileSync(file, page);
      expect(shell('mandoc', '-T', 'lint', file)).toBe('');
    });
  });
});
