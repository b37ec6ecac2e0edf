/** The repository that `npm run package` leaves, as an administrator of a booted host would use it. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { type Finished, run } from '../e2e/background.ts';
import { checkout } from './booted-host.ts';

export const repository = join(checkout, 'dist/apt');

/** The only source of packages from now on, trusted for what its key has signed. */
export async function useRepository(url: string): Promise<Finished> {
  for (const list of ['/etc/apt/sources.list', '/etc/apt/sources.list.d'])
    rmSync(list, { recursive: true, force: true });
  mkdirSync('/etc/apt/keyrings', { recursive: true });
  cpSync(join(repository, 'trasa-agent.gpg'), '/etc/apt/keyrings/trasa-agent.gpg');
  writeFileSync('/etc/apt/sources.list', `deb [signed-by=/etc/apt/keyrings/trasa-agent.gpg] ${url} ./\n`);
  return await run(['apt-get', '--error-on=any', 'update']);
}

/** Serves a folder on loopback. */
export async function serveFolder(folder: string): Promise<{ readonly url: string; stop(): void }> {
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(folder, basename(request.url ?? ''))));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}/`, stop: () => void server.close() };
}

/** `apt-get WORDS…`. Throws if it fails. */
export async function apt(...words: readonly string[]): Promise<Finished> {
  const finished = await aptTries(...words);
  if (finished.status !== 0) throw new Error(`apt-get ${words.join(' ')}: ${finished.stdout}${finished.stderr}`);
  return finished;
}

export async function aptTries(...words: readonly string[]): Promise<Finished> {
  return await run(['apt-get', '-q', '-y', ...words], { env: { DEBIAN_FRONTEND: 'noninteractive' } });
}
