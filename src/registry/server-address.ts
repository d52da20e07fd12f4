/** The address that a `server` or the name of a host table stands for; without a scheme: https. */
export function serverAddress(text: string): URL | undefined {
  const full = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  const isPlain = url?.username === '' && url.password === '' && url.search === '';
  return isPlain && /^https?:$/.test(url.protocol) ? url : undefined;
}
