import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnDaemon, startDaemon, type Daemon } from './daemon.js';
import { temporaryFolder } from './temporary-folder.js';

/** A proxy program that a spec has started. */
export interface ProxyDaemon extends Daemon {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** What it has passed on and refused so far, a request a line. */
  log(): string;
}

/**
 * Starts squid, which knows the names given as this machine, and no other name; it leads to none
 * that begins with `forbidden`.
 */
export async function startSquid(names: readonly string[]): Promise<ProxyDaemon> {
  const folder = writableFolder();
  const log = join(folder, 'access.log');
  writeFileSync(join(folder, 'hosts'), names.map((name) => `127.0.0.1 ${name}\n`).join(''));
  return startProxy(log, (port) => {
    const file = join(folder, 'squid.conf');
    writeFileSync(file, squidConfiguration(folder, port, log));
    return spawnDaemon('squid', '-N', '-f', file);
  });
}

/** Starts tinyproxy, for those who show the credentials given, where there are any. */
export async function startTinyproxy(user?: {
  readonly username: string;
  readonly password: string;
}): Promise<ProxyDaemon> {
  const folder = writableFolder();
  const log = join(folder, 'access.log');
  const access = user === undefined ? '' : `BasicAuth ${user.username} ${user.password}\n`;
  return startProxy(log, (port) => {
    const file = join(folder, 'tinyproxy.conf');
    const settings = `Port ${port}\nListen 127.0.0.1\nLogFile "${log}"\nLogLevel Info\n`;
    writeFileSync(file, `${settings}Timeout 60\nMaxClients 100\n${access}`);
    return spawnDaemon('tinyproxy', '-d', '-c', file);
  });
}

async function startProxy(
  log: string,
  start: Parameters<typeof startDaemon>[0],
): Promise<ProxyDaemon> {
  const daemon = await startDaemon(start);
  return { ...daemon, host: `127.0.0.1:${daemon.port}`, log: () => readFileSync(log, 'utf8') };
}

/** Proxies that root starts become somebody else. */
function writableFolder(): string {
  const folder = temporaryFolder();
  chmodSync(folder, 0o777);
  return folder;
}

function squidConfiguration(folder: string, port: number, log: string): string {
  return `http_port 127.0.0.1:${port}
pid_filename none
hosts_file ${join(folder, 'hosts')}
dns_nameservers 127.0.0.1
dns_timeout 1 second
access_log stdio:${log}
cache_log ${join(folder, 'cache.log')}
cache deny all
cache_store_log none
netdb_filename none
coredump_dir ${folder}
visible_hostname proxy.test
acl forbidden dstdomain -n forbidden.test
http_access deny forbidden
http_access allow localhost
http_access deny all
shutdown_lifetime 0 seconds
logfile_rotate 0
strip_query_terms off
`;
}
