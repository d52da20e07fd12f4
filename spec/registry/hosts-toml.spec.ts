import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { directEndpoint, type Endpoint } from '../../src/registry/endpoints.js';
import { parseHostsToml } from '../../src/registry/hosts-toml.js';
import { mirroredEndpoints } from '../../src/registry/mirrors.js';
import { samplePem } from '../support/sample-pem.js';
import { removeTemporaryFolders, temporaryFolder } from '../support/temporary-folder.js';

afterAll(removeTemporaryFolders);

/** A folder of the files given, by their paths. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

function endpointsOf(hostsFolder: string | undefined, mirrors: readonly string[] = []) {
  return mirroredEndpoints((registry) => directEndpoint(registry, 'loopback'), {
    mirrors,
    hostsFolder,
  });
}

/** Addresses, with the registry that is told where there is one. */
function shown(endpoints: readonly Endpoint[]): string[] {
  return endpoints.map(
    ({ base, namespace }) => base.href + (namespace === undefined ? '' : ` for ${namespace}`),
  );
}

async function found(files: Readonly<Record<string, string>>, registry: string): Promise<string[]> {
  return shown(await endpointsOf(folderOf(files))(registry, 'pull'));
}

describe('hosts.toml', () => {
  it('keeps the order of the file, and asks the server last', async () => {
    const text = `
      server = "https://registry-1.docker.io"
      [host."https://z.example"]
      [host."https://z.example".header]
        x-one = "1"
      [host."http://10.1.2.3:5000"]
      [host."a.example/prefix"]
    `;
    expect(await found({ 'docker.io/hosts.toml': text }, 'docker.io')).toEqual([
      'https://z.example/v2/ for docker.io',
      'http://10.1.2.3:5000/v2/ for docker.io',
      'https://a.example/prefix/v2/ for docker.io',
      'https://registry-1.docker.io/v2/',
    ]);
  });

  it('has the registry itself last where no server is named', async () => {
    const text = '[host."https://mirror.example"]';
    expect(await found({ 'ghcr.io/hosts.toml': text }, 'ghcr.io')).toEqual([
      'https://mirror.example/v2/ for ghcr.io',
      'https://ghcr.io/v2/',
    ]);
  });

  it('has another server in place of the registry', async () => {
    const text = 'server = "https://only.example"';
    expect(await found({ '_default/hosts.toml': text }, 'quay.io')).toEqual([
      'https://only.example/v2/ for quay.io',
    ]);
  });

  it('adds /v2 once, and not where override_path says that the path is the whole', async () => {
    const text = `
      [host."https://one.example/v2"]
      [host."https://two.example/v2/upstream"]
        override_path = true
      [host."https://three.example//proxy/"]
      [host."https://four.example"]
        override_path = true
    `;
    expect(await found({ 'ghcr.io/hosts.toml': text }, 'ghcr.io')).toEqual([
      'https://one.example/v2/ for ghcr.io',
      'https://two.example/v2/upstream/ for ghcr.io',
      'https://three.example/proxy/v2/ for ghcr.io',
      'https://four.example/ for ghcr.io',
      'https://ghcr.io/v2/',
    ]);
  });

  it('is looked for by name_port_, by name:port and by _default', async () => {
    const files = {
      'r.example_5000_/hosts.toml': '[host."https://first.example"]',
      'r.example:5000/hosts.toml': '[host."https://second.example"]',
      's.example:5000/hosts.toml': '[host."https://second.example"]',
      '_default/hosts.toml': '[host."https://third.example"]',
    };
    const first = async (registry: string) => (await found(files, registry))[0];
    expect(await first('r.example:5000')).toMatch('first.example');
    expect(await first('s.example:5000')).toMatch('second.example');
    expect(await first('r.example')).toMatch('third.example');
    expect(await first('..')).toMatch('..');
    expect(shown(await endpointsOf(temporaryFolder())('r.example', 'pull'))).toEqual([
      'https://r.example/v2/',
    ]);
  });

  it('gives each host what it may be asked to do', async () => {
    const text = `
      server = "https://ghcr.io"
      capabilities = ["resolve", "pull"]
      [host."https://public.example"]
        capabilities = ["pull"]
      [host."https://private.example"]
        capabilities = ["Pull", "resolve"]
      [host."https://all.example"]
    `;
    const endpoints = endpointsOf(folderOf({ 'ghcr.io/hosts.toml': text }));
    const hosts = async (capability: 'pull' | 'resolve' | 'push') =>
      (await endpoints('ghcr.io', capability)).map(({ host }) => host);
    expect(await hosts('pull')).toEqual([
      'public.example',
      'private.example',
      'all.example',
      'ghcr.io',
    ]);
    expect(await hosts('resolve')).toEqual(['private.example', 'all.example', 'ghcr.io']);
    expect(await hosts('push')).toEqual(['all.example']);
  });

  it('says when no host may be asked', async () => {
    const text = 'server = "https://ghcr.io"\ncapabilities = ["pull"]';
    const endpoints = endpointsOf(folderOf({ 'ghcr.io/hosts.toml': text }));
    await expect(endpoints('ghcr.io', 'push')).rejects.toMatchObject({ code: 'ERR_NO_HOST' });
  });

  it('reads certificates, keys and headers, in all their forms', async () => {
    const text = `
      ca = "own.crt"
      [host."https://a.example"]
        ca = ["one.crt", "two.crt"]
        client = [["c.cert", "c.key"], ["both.pem", ""]]
        skip_verify = true
        dial_timeout = "1m1.5s"
        proxy = "https://ali:secret@proxy.example:3129"
      [host."https://a.example".header]
        x-plain = "one"
        x-list = ["one", "two"]
      [host."https://b.example"]
        client = "both.pem"
      [host."https://c.example"]
        client = ["both.pem", "c.cert"]
        skip_verify = false
    `;
    const names = ['own.crt', 'one.crt', 'two.crt', 'c.cert', 'c.key', 'both.pem'];
    const files = Object.fromEntries(names.map((name) => [`ghcr.io/${name}`, samplePem(name)]));
    const root = folderOf({ ...files, 'ghcr.io/hosts.toml': text });
    const [a, b, c, own] = await endpointsOf(root)('ghcr.io', 'pull');
    expect(a).toMatchObject({
      host: 'a.example',
      tls: {
        ca: [samplePem('one.crt'), samplePem('two.crt')],
        clients: [
          { cert: samplePem('c.cert'), key: samplePem('c.key') },
          { cert: samplePem('both.pem'), key: samplePem('both.pem') },
        ],
        verify: false,
      },
      connectTimeout: 61_500,
      proxy: new URL('https://ali:secret@proxy.example:3129'),
      headers: { 'x-plain': 'one', 'x-list': 'one, two' },
    });
    expect(b?.tls).toEqual({
      ca: [],
      clients: [{ cert: samplePem('both.pem'), key: samplePem('both.pem') }],
    });
    expect(c?.tls).toMatchObject({ verify: true });
    expect(c?.tls?.clients).toHaveLength(2);
    expect(own).toMatchObject({ host: 'ghcr.io', tls: { ca: [samplePem('own.crt')] } });
  });

  it('may be missing, with certificates in its place', async () => {
    const root = folderOf({
      'r.example:5000/ca.crt': samplePem('ca'),
      'r.example:5000/client.cert': samplePem('cert'),
      'r.example:5000/client.key': samplePem('key'),
    });
    const [endpoint] = await endpointsOf(root)('r.example:5000', 'pull');
    expect(endpoint.base.href).toBe('https://r.example:5000/v2/');
    expect(endpoint.tls).toEqual({
      ca: [samplePem('ca')],
      clients: [{ cert: samplePem('cert'), key: samplePem('key') }],
    });
  });

  it.each([
    ['server = "ftp://x"', /server/],
    ['server = "https://user:word@x"', /server/],
    ['[host."https://a"]\ncapabilities = ["fly"]', /capabilities/],
    ['[host."https://a"]\nskip_verify = "yes"', /skip_verify/],
    ['[host."https://a"]\ndial_timeout = "soon"', /dial_timeout/],
    ['[host."https://a".header]\n"x y" = "1"', /header/],
    ['[host."https://a".header]\nx = "1\\n2"', /header/],
    ['[host."https://a"]\nproxy = "socks5://x"', /proxy: is not an http/],
    ['[host."https://a"]\nproxy = "http://a:%@x"', /proxy: has a user or password with a '%'/],
    ['server = ', /line/i],
    ['ca = "missing.crt"', /missing\.crt/],
  ])('is refused, by name, when it says %j', async (text, problem) => {
    const root = folderOf({ 'ghcr.io/hosts.toml': text });
    const endpoints = endpointsOf(root);
    await expect(endpoints('ghcr.io', 'pull')).rejects.toMatchObject({
      code: 'ERR_HOSTS_FILE',
      path: join(root, 'ghcr.io', 'hosts.toml'),
      message: expect.stringMatching(problem) as unknown,
    });
    // Once repaired it is read again.
    writeFileSync(join(root, 'ghcr.io', 'hosts.toml'), '[host."https://fine.example"]');
    expect(shown(await endpoints('ghcr.io', 'pull'))).toHaveLength(2);
  });

  it.each([
    ['ca = "junk.pem"', 'junk.pem'],
    ['[host."https://a"]\nca = ["fine.pem", "junk.pem"]', 'junk.pem'],
    ['client = "junk.pem"', 'junk.pem'],
    ['client = [["fine.pem", "junk.pem"]]', 'junk.pem'],
    ['client = [["junk.pem", "fine.pem"]]', 'junk.pem'],
  ])('is refused with the name of the file that is no PEM when it says %j', async (text, name) => {
    const root = folderOf({
      'ghcr.io/hosts.toml': text,
      'ghcr.io/fine.pem': samplePem('fine'),
      'ghcr.io/junk.pem': 'junk',
    });
    await expect(endpointsOf(root)('ghcr.io', 'pull')).rejects.toMatchObject({
      code: 'ERR_HOSTS_FILE',
      message: expect.stringContaining(join(root, 'ghcr.io', name)) as unknown,
      hint: expect.stringContaining('PEM') as unknown,
    });
  });

  it.each(['ca.crt', 'client.cert', 'client.key'])(
    'may be missing, and %s in its place must be PEM',
    async (name) => {
      const files = ['ca.crt', 'client.cert', 'client.key'].map((each) => [
        `ghcr.io/${each}`,
        each === name ? 'junk' : samplePem(each),
      ]);
      const root = folderOf(Object.fromEntries(files) as Record<string, string>);
      await expect(endpointsOf(root)('ghcr.io', 'pull')).rejects.toMatchObject({
        code: 'ERR_HOSTS_FILE',
        message: expect.stringContaining(join(root, 'ghcr.io', name)) as unknown,
      });
    },
  );

  it('is missed with its whole folder, which may be there later', async () => {
    const root = join(temporaryFolder(), 'none');
    const endpoints = endpointsOf(root);
    await expect(endpoints('ghcr.io', 'pull')).rejects.toMatchObject({
      code: 'ERR_HOSTS_FILE',
      path: root,
      message: expect.stringContaining('there is no such folder') as unknown,
      hint: expect.stringContaining('Create the folder') as unknown,
    });
    mkdirSync(root);
    expect(shown(await endpoints('ghcr.io', 'pull'))).toEqual(['https://ghcr.io/v2/']);
    const file = join(root, 'file');
    writeFileSync(file, '');
    await expect(endpointsOf(file)('ghcr.io', 'pull')).rejects.toMatchObject({
      message: expect.stringContaining('there is no such folder') as unknown,
    });
  });

  it('knows the hosts of no table but `host`', () => {
    expect(parseHostsToml('[other."https://a"]\n[host]')).toMatchObject([{ server: undefined }]);
  });
});

describe('mirrors for all registries', () => {
  it('are asked before the hosts of the folder, and never to take content', async () => {
    const root = folderOf({ 'ghcr.io/hosts.toml': '[host."https://mirror.example"]' });
    const endpoints = endpointsOf(root, ['http://127.0.0.1:5000', 'cache.example/hub']);
    expect(shown(await endpoints('ghcr.io', 'pull'))).toEqual([
      'http://127.0.0.1:5000/v2/ for ghcr.io',
      'https://cache.example/hub/v2/ for ghcr.io',
      'https://mirror.example/v2/ for ghcr.io',
      'https://ghcr.io/v2/',
    ]);
    expect((await endpoints('ghcr.io', 'push')).map(({ host }) => host)).toEqual([
      'mirror.example',
      'ghcr.io',
    ]);
  });
});
