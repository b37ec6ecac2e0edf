/** `trasa-agent setup` on a booted host, with the server of a packaged site, of which nothing is set up any more. */
import { readFileSync, rmSync } from 'node:fs';
import { configFile } from '../e2e/agent.ts';
import { type Finished, run } from '../e2e/background.ts';
import { dropIn, must } from './site.ts';

/** Takes configuration and drop-in of the site away. @returns what runs setup with that server, and `flags` */
export async function forgetSetup(): Promise<(flags: readonly string[]) => Promise<Finished>> {
  const config = readFileSync(configFile, 'utf8');
  const [url = '', id = '', key = '', pin = ''] = [...config.matchAll(/= \[?"([^"]+)"/g)].map(([, value]) => value);
  for (const file of [dropIn, configFile]) rmSync(file);
  await must('systemctl', 'restart', 'ssh.service');
  const where = ['--server', url, '--service-id', id, '--service-key-file', '-', '--pin', pin];
  return async flags => await run(['trasa-agent', 'setup', '--yes', ...where, ...flags], { input: `${key}\n` });
}
