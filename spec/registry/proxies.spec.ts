import { environmentProxies, proxyFor } from '../../src/registry/proxies.js';

const proxies = { httpProxy: 'http://plain.test:3128', httpsProxy: 'http://secure.test:3128' };

describe('proxyFor', () => {
  it('chooses by the scheme of what is asked for', () => {
    expect(proxyFor(new URL('http://a.test/'), proxies)?.host).toBe('plain.test:3128');
    expect(proxyFor(new URL('https://a.test/'), proxies)?.host).toBe('secure.test:3128');
    expect(proxyFor(new URL('https://a.test/'), {})).toBeUndefined();
  });

  it.each([
    ['a.test', 'https://a.test', 'direct'],
    ['a.test', 'https://b.a.test', 'direct'],
    ['a.test', 'https://ba.test', 'proxy'],
    ['.a.test', 'https://b.a.test', 'direct'],
    ['.a.test', 'https://a.test', 'proxy'],
    ['*.a.test', 'https://b.a.test', 'direct'],
    ['A.test', 'https://a.TEST', 'direct'],
    ['a.test:5000', 'https://a.test:5000', 'direct'],
    ['a.test:5000', 'https://a.test', 'proxy'],
    ['a.test:443', 'https://a.test', 'direct'],
    ['10.0.0.0/8', 'https://10.9.8.7:5000', 'direct'],
    ['10.0.0.0/8', 'https://11.9.8.7', 'proxy'],
    ['10.0.0.0/8', 'https://10.test', 'proxy'],
    ['10.1.2.3', 'https://10.1.2.3', 'direct'],
    ['fd00::/8', 'https://[fd12::1]:5000', 'direct'],
    ['fd00::1', 'https://[fd00::1]', 'direct'],
    ['[fd00::1]:5000', 'https://[fd00::1]', 'proxy'],
    ['b.test, a.test', 'https://a.test', 'direct'],
    ['*', 'https://a.test', 'direct'],
    ['', 'https://a.test', 'proxy'],
    ['10.0.0.0/99', 'https://10.0.0.1', 'proxy'],
  ])('with NO_PROXY=%s takes %s: %s', (noProxy, url, way) => {
    const proxy = proxyFor(new URL(url), { ...proxies, noProxy });
    expect(proxy === undefined ? 'direct' : 'proxy').toBe(way);
  });
});

describe('environmentProxies', () => {
  const proxyOf = (environment: Record<string, string>, url = 'https://a.test'): unknown =>
    proxyFor(new URL(url), environmentProxies(environment))?.href;

  it('reads both cases, lower before upper, and a lone host', () => {
    expect(proxyOf({ HTTPS_PROXY: 'http://upper.test' })).toBe('http://upper.test/');
    const both = { HTTPS_PROXY: 'http://upper.test', https_proxy: 'http://lower.test' };
    expect(proxyOf(both)).toBe('http://lower.test/');
    expect(proxyOf({ ALL_PROXY: 'any.test:3128' })).toBe('http://any.test:3128/');
    expect(proxyOf({ HTTPS_PROXY: 'http://upper.test', no_proxy: 'a.test' })).toBeUndefined();
  });

  it('speaks to this machine directly', () => {
    const environment = { HTTP_PROXY: 'http://proxy.test' };
    for (const host of ['localhost:5000', '127.0.0.1:5000', '[::1]:5000']) {
      expect(proxyOf(environment, `http://${host}/`)).toBeUndefined();
    }
  });

  it('takes no proxy from the header of a CGI request', () => {
    const environment = { HTTP_PROXY: 'http://evil.test', REQUEST_METHOD: 'GET' };
    expect(proxyOf(environment, 'http://a.test')).toBeUndefined();
  });
});
