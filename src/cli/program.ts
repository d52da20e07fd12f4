import { Argument, Command, Option } from 'commander';
import type { catalog } from './commands/catalog.js';
import type { completion } from './commands/completion.js';
import type { copy } from './commands/copy.js';
import type { deleteRemote } from './commands/delete.js';
import type { demo } from './commands/demo.js';
import type { df } from './commands/df.js';
import type { gc } from './commands/gc.js';
import type { images } from './commands/images.js';
import type { inspect } from './commands/inspect.js';
import type { login } from './commands/login.js';
import type { logout } from './commands/logout.js';
import type { pull } from './commands/pull.js';
import type { push } from './commands/push.js';
import type { referrers } from './commands/referrers.js';
import type { rmi } from './commands/rmi.js';
import type { serve } from './commands/serve.js';
import type { tags } from './commands/tags.js';
import type { unpack } from './commands/unpack.js';
import type { verify } from './commands/verify.js';
import { shells } from './completion.js';
import { withExamples } from './examples.js';
import { withLogging } from './log-options.js';
import {
  withAll,
  withForeignLayers,
  withFormat,
  withListing,
  withMoving,
  withPlatform,
  withProgress,
  withRemote,
  withStore,
  withTimelineFile,
  withTransfers,
} from './options.js';
import { withCertificates, withRegistry } from './registry-options.js';
import { withListening } from './serve-options.js';

const referenceHelp = 'an image, such as alpine:3.20 or localhost:5000/app@sha256:…';

/** The command line. Each command loads its code when it is called. */
export function createProgram(version: string): Command {
  const program = new Command('rxfer')
    .description('Moves container images between registries, a local store and OCI layouts.')
    .version(version, '-V, --version')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(rxfer --help shows what there is)')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.')
    .exitOverride();

  const add = (name: string, description: string, ...examples: string[]): Command =>
    withExamples(
      program
        .command(name)
        .description(description)
        .showHelpAfterError(`(rxfer help ${name} shows how)`)
        .exitOverride(),
      ...examples,
    );

  withTimelineFile(
    withForeignLayers(
      withAll(
        withPlatform(
          withMoving(
            add(
              'pull',
              'Pull images into the store.',
              'rxfer pull alpine:3.20',
              'rxfer pull alpine:3.20 busybox:1.36 --format json --progress none',
              'rxfer pull alpine:3.20 --platform linux/arm64 --timeline pull.html',
              'rxfer pull alpine:3.20 --all',
              'rxfer pull localhost:5000/windows:v1 --platform windows/amd64 --allow-foreign-layers',
            ),
          ),
        ),
      ),
    ),
  )
    .argument('<refs...>', `${referenceHelp}; several share their layers and one limit`)
    .action(async (...args: Parameters<typeof pull>) =>
      (await import('./commands/pull.js')).pull(...args),
    );

  withTimelineFile(
    withForeignLayers(
      withAll(
        withMoving(
          add(
            'push',
            'Push an image of the store to a registry.',
            'rxfer push localhost:5000/app:v1',
            'rxfer push localhost:5000/alpine:3.20 alpine:3.20 --all',
          ),
        ),
      ),
    ),
  )
    .argument('<ref>', 'where to push it')
    .argument('[source]', 'the image in the store; by default the one of that name')
    .action(async (...args: Parameters<typeof push>) =>
      (await import('./commands/push.js')).push(...args),
    );

  withTimelineFile(
    withForeignLayers(
      withAll(
        withPlatform(
          withMoving(
            add(
              'copy',
              'Copy an image: a registry reference, store:REF, oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:REF], each way; docker-archive:FILE:@INDEX reads an image that has no name there.',
              'rxfer copy alpine:3.20 oci:alpine:3.20',
              'rxfer copy oci:alpine:3.20 localhost:5000/alpine:3.20 --all',
              'rxfer copy alpine:3.20 localhost:5000/alpine:3.20 --all --referrers',
            ),
          ),
        ),
      ),
    ),
  )
    .argument('<src>', 'where from')
    .argument('<dst>', 'where to')
    .action(async (...args: Parameters<typeof copy>) =>
      (await import('./commands/copy.js')).copy(...args),
    );

  withListing(
    add('tags', 'List the tags of a repository on its registry.', 'rxfer tags localhost:5000/app'),
  )
    .argument('<repository>', 'a repository, such as alpine or localhost:5000/app')
    .action(async (...args: Parameters<typeof tags>) =>
      (await import('./commands/tags.js')).tags(...args),
    );

  withListing(
    add(
      'referrers',
      'List what refers to an image on its registry, such as signatures.',
      'rxfer referrers localhost:5000/app:v1',
    ),
  )
    .argument('<ref>', referenceHelp)
    .option('--artifact-type <type>', 'those of this type alone')
    .action(async (...args: Parameters<typeof referrers>) =>
      (await import('./commands/referrers.js')).referrers(...args),
    );

  withListing(
    add('catalog', 'List the repositories of a registry.', 'rxfer catalog localhost:5000'),
  )
    .argument('<host>', 'a registry, such as localhost:5000')
    .action(async (...args: Parameters<typeof catalog>) =>
      (await import('./commands/catalog.js')).catalog(...args),
    );

  withRemote(
    add(
      'delete',
      'Delete tags, or by digest manifests with all their tags, on their registry, for everybody.',
      'rxfer delete localhost:5000/app:v1',
    ),
  )
    .argument('<refs...>', 'what to delete, with its tag or its digest; rmi is for the store')
    .action(async (...args: Parameters<typeof deleteRemote>) =>
      (await import('./commands/delete.js')).deleteRemote(...args),
    );

  withFormat(
    withStore(
      add('images', 'List the images in the store.', 'rxfer images', 'rxfer images --format json'),
    ),
  ).action(async (...args: Parameters<typeof images>) =>
    (await import('./commands/images.js')).images(...args),
  );

  withPlatform(
    withStore(add('inspect', 'Show an image of the store as JSON.', 'rxfer inspect alpine:3.20')),
  )
    .argument('<ref>', 'an image in the store')
    .action(async (...args: Parameters<typeof inspect>) =>
      (await import('./commands/inspect.js')).inspect(...args),
    );

  withFormat(
    withStore(
      add(
        'rmi',
        'Remove images by name, with the lists of what refers to them; gc frees the space.',
        'rxfer rmi app:v1',
      ),
    ),
  )
    .argument('<refs...>', 'images in the store')
    .action(async (...args: Parameters<typeof rmi>) =>
      (await import('./commands/rmi.js')).rmi(...args),
    );

  withFormat(withStore(add('gc', 'Remove what no image needs and nobody is pulling.', 'rxfer gc')))
    .option('--dry-run', 'list it and remove nothing')
    .action(async (...args: Parameters<typeof gc>) =>
      (await import('./commands/gc.js')).gc(...args),
    );

  withFormat(withStore(add('df', 'Show what the store takes on the disk.', 'rxfer df'))).action(
    async (...args: Parameters<typeof df>) => (await import('./commands/df.js')).df(...args),
  );

  withFormat(withStore(add('verify', 'Check every blob, layer and image.', 'rxfer verify')))
    .option('--repair', 'remove what is damaged, and pull the images again that need it')
    .option('--plain-http', 'speak plain HTTP to the registry, not to loopback alone')
    .action(async (...args: Parameters<typeof verify>) =>
      (await import('./commands/verify.js')).verify(...args),
    );

  withForeignLayers(
    withPlatform(
      withMoving(
        add(
          'unpack',
          "Unpack an image's root file system, of the store or of elsewhere without keeping it.",
          'rxfer unpack alpine:3.20 rootfs',
          'rxfer unpack alpine:3.20 rootfs --link hard',
          'rxfer unpack docker://alpine:3.20 rootfs',
        ),
      ),
    ),
  )
    .argument(
      '<src>',
      'an image in the store, docker://REF on a registry, oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:REF]',
    )
    .argument('<dir>', 'a new or empty folder')
    .addOption(
      new Option(
        '--link [how]',
        "use the store's files: reflink clones them where the file system can, else copies; hard " +
          "makes hard links: writing to a file then changes the store's, as rxfer verify finds",
      )
        .choices(['reflink', 'hard'])
        .preset('reflink'),
    )
    .action(async (...args: Parameters<typeof unpack>) =>
      (await import('./commands/unpack.js')).unpack(...args),
    );

  withListening(
    withTransfers(
      withCertificates(
        withStore(
          add(
            'serve',
            "Answer Docker's clients: pull, push, images, inspect, tag, save, load, rmi.",
            'rxfer serve --listen unix:/tmp/rxfer.sock',
            'rxfer serve --listen tcp:127.0.0.1:2375 --concurrency 5 --ui',
          ),
        ),
      ),
    ),
  ).action(async (options: Parameters<typeof serve>[0]) =>
    (await import('./commands/serve.js')).serve(options, version),
  );

  withLogging(
    withRegistry(
      add(
        'login',
        'Keep a login to a registry, once it has taken it.',
        'rxfer login quay.io -u ali',
      ),
    ),
  )
    .argument('<host>', 'a registry, such as docker.io or localhost:5000')
    .option('-u, --username <name>', 'the user; asked for by default')
    .option('--password-stdin', 'read the password from stdin; asked for by default')
    .action(async (...args: Parameters<typeof login>) =>
      (await import('./commands/login.js')).login(...args),
    );

  add('logout', 'Forget the login to a registry.', 'rxfer logout quay.io')
    .argument('<host>', 'a registry, such as docker.io or localhost:5000')
    .option('--debug', 'show the stack of an error')
    .action(async (...args: Parameters<typeof logout>) =>
      (await import('./commands/logout.js')).logout(...args),
    );

  withLogging(
    withProgress(
      add(
        'demo',
        'Pull two images that share layers from a registry of its own.',
        'rxfer demo',
        'rxfer demo --ui',
      ),
    ),
  )
    .option('--ui [address]', 'show it on a page as well, such as at tcp:127.0.0.1:8080')
    .action(async (...args: Parameters<typeof demo>) =>
      (await import('./commands/demo.js')).demo(...args),
    );

  add(
    'completion',
    'Print what a shell reads to complete commands and options.',
    'source <(rxfer completion bash)',
    'rxfer completion fish > ~/.config/fish/completions/rxfer.fish',
  )
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action(async (shell: Parameters<typeof completion>[0]) =>
      (await import('./commands/completion.js')).completion(shell, program),
    );

  add('man', 'Print the manual, in roff.', 'rxfer man | man -l -').action(async () =>
    (await import('./commands/man.js')).man(program),
  );

  // Commander's own says nothing of a command that there isn't.
  program
    .helpCommand(false)
    .command('help')
    .argument('[command]')
    .description('display help for command')
    .exitOverride()
    .action(async (name?: string) => {
      const command = program.commands.find((each) => each.name() === name);
      if (name === undefined) return program.help();
      command?.help();
      await program.parseAsync([name], { from: 'user' });
    });

  return program;
}
