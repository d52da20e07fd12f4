import { registryUser, startDockerRegistry } from '../support/docker-registry.js';
import { describeWithPeers } from '../support/peers.js';

describeWithPeers(['docker-registry'], 'docker-registry', () => {
  it('runs, plain and with a password', async () => {
    const plain = await startDockerRegistry();
    const locked = await startDockerRegistry({ htpasswd: registryUser.htpasswd });
    try {
      expect((await fetch(`http://${plain.host}/v2/`)).status).toBe(200);
      expect((await fetch(`http://${locked.host}/v2/`)).status).toBe(401);
      const basic = Buffer.from(`${registryUser.username}:${registryUser.password}`);
      const authorization = `Basic ${basic.toString('base64')}`;
      const answer = await fetch(`http://${locked.host}/v2/`, { headers: { authorization } });
      expect(answer.status).toBe(200);
    } finally {
      await Promise.all([plain.stop(), locked.stop()]);
    }
  });
});
