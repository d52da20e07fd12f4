import { chunksOf } from './chunks-of.js';
import type { Endpoint } from './endpoints.js';
import { ConnectionError, type RegistryError } from './errors.js';
import type { HostHealth } from './host-health.js';
import type { BlobAnswer, BlobName, BlobPart, BlobRequester } from './request-blob.js';
import { hostsError, isHostFailure } from './try-hosts.js';

/** What reading a blob takes. */
export interface BlobReading {
  readonly name: BlobName;
  /** In the order in which they are asked. */
  readonly hosts: () => readonly Endpoint[];
  readonly requester: BlobRequester;
  readonly health: HostHealth;
  readonly signal: AbortSignal;
  /** Called with each answer, before its bytes are given on; what it throws is the host's fault. */
  readonly onAnswer: (endpoint: Endpoint, answer: BlobAnswer, part: BlobPart) => void;
  /** How often a host that broke off is asked for the rest at once, before the next host is. */
  readonly resumptions: number;
}

/**
 * The bytes of a part of a blob, whose end may grow meanwhile, from one host after the other: where
 * one fails, the next one goes on at that byte. Errors when none is left. Ending the iteration early destroys the body.
 */
export async function* readBlob(
  reading: BlobReading,
  part: BlobPart,
): AsyncGenerator<Buffer, void, undefined> {
  const { name, health, requester, signal, onAnswer } = reading;
  const failures: RegistryError[] = [];
  let position = part.begin;
  const hosts = reading.hosts();
  for (const [index, endpoint] of hosts.entries()) {
    for (let resumed = 0; ; resumed++) {
      const begin = position;
      try {
        const rest = { begin, end: part.end };
        const answer = await requester.request(name, rest, endpoint, signal);
        // In one loop with what follows: a generator for each host would cost as much as the rest.
        try {
          onAnswer(endpoint, answer, part);
          let offset = answer.offset;
          for await (const chunk of chunksOf(answer.bytes)) {
            const useful = chunk.subarray(Math.max(0, begin - offset), part.end - offset);
            offset += chunk.length;
            position += useful.length;
            if (useful.length > 0) yield useful;
            if (offset > part.end) break;
          }
          if (position < part.end) throw brokenOff(endpoint, name, position);
        } catch (error) {
          throw answer.explain(error);
        } finally {
          answer.end();
        }
        health.answered(endpoint);
        return;
      } catch (error) {
        if (!isHostFailure(error)) throw error;
        const again = error instanceof ConnectionError && position > begin;
        if (again && resumed < reading.resumptions) continue;
        health.failed(endpoint, error, hosts[index + 1]);
        failures.push(error);
        break;
      }
    }
  }
  throw hostsError(failures, { host: name.repository.host, digest: name.blob.digest });
}

function brokenOff({ host }: Endpoint, { blob }: BlobName, position: number): ConnectionError {
  return new ConnectionError(`${host} broke off the blob at byte ${position} of ${blob.size}`, {
    host,
    digest: blob.digest,
    hint: 'The connection or the registry failed; try again.',
  });
}
