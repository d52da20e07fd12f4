import * as os from 'node:os';
import { hostPlatform } from '../oci/index.js';
import type { CheckedServer } from './http-server.js';
import { imagesUsage } from './list-images.js';
import type { EngineParts } from './parts.js';
import { apiVersions } from './paths.js';

/** What the engine says of itself. */
export function systemRoutes(app: CheckedServer, { images, sizes, version }: EngineParts): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/_ping',
    handler: (_request, reply) =>
      reply
        .header('cache-control', 'no-cache, no-store, must-revalidate')
        .type('text/plain; charset=utf-8')
        .send('OK'),
  });

  app.get('/version', () => {
    const { architecture } = hostPlatform();
    const versions = {
      Version: version,
      ApiVersion: apiVersions.newest,
      MinAPIVersion: apiVersions.oldest,
      Os: 'linux',
      Arch: architecture,
    };
    return {
      Platform: { Name: 'rxfer' },
      Components: [{ Name: 'Engine', Version: version, Details: versions }],
      ...versions,
      GitCommit: '',
      GoVersion: '',
      KernelVersion: os.release(),
    };
  });

  app.get('/info', async () => ({
    ID: os.hostname(),
    Name: os.hostname(),
    Containers: 0,
    ContainersRunning: 0,
    ContainersPaused: 0,
    ContainersStopped: 0,
    Images: (await images.list()).length,
    Driver: 'rxfer',
    DriverStatus: [],
    Plugins: { Volume: [], Network: [], Authorization: null, Log: [] },
    SystemTime: new Date().toISOString(),
    LoggingDriver: 'none',
    KernelVersion: os.release(),
    OperatingSystem: `rxfer ${version}, which moves images and runs no containers`,
    OSType: 'linux',
    Architecture: os.machine(),
    NCPU: os.cpus().length,
    MemTotal: os.totalmem(),
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: { IndexConfigs: {}, InsecureRegistryCIDRs: [], Mirrors: [] },
    Labels: [],
    ServerVersion: version,
    Swarm: { LocalNodeState: 'inactive' },
    SecurityOptions: [],
    Warnings: ['WARNING: rxfer moves images and runs no containers'],
  }));

  app.get('/system/df', async () => {
    const { LayersSize, Images } = await imagesUsage(images, sizes);
    return {
      LayersSize,
      Images: Images.map((image) => ({ ...image, Containers: 0 })),
      Containers: [],
      Volumes: [],
      BuildCache: [],
    };
  });
}
