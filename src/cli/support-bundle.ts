import { writeFileSync } from 'node:fs';
import type { Argv } from 'yargs';
import { loadConfig } from '../config/load.ts';
import type { BundledProxy } from '../report/proxy-parts.ts';
import { isProxyConfigured, proxyStanding } from '../system/proxy-standing.ts';
import { exitStatuses } from './exit-statuses.ts';
import { thisProgram } from './parts.ts';
import { fail } from './server-common.ts';
import { version } from './version.ts';

export function supportBundleCommand(yargs: Argv): Argv {
  return yargs.command(
    'support-bundle',
    'what somebody who helps you needs to know of this host, without secrets',
    command =>
      command
        .options({
          output: { type: 'string', requiresArg: true, describe: 'a new file, mode 0600, instead of stdout' },
          config: { type: 'string', requiresArg: true, describe: 'configuration file [default: as for the daemon]' },
        })
        .epilogue(exitStatuses('done', ['failed'])),
    async ({ output, config }) => await writeBundle(output, config),
  );
}

async function writeBundle(output: string | undefined, config: string | undefined): Promise<void> {
  const { supportBundle } = await import('../report/support-bundle.ts');
  const proxy = isProxyConfigured() ? await theProxy() : undefined;
  const text = await supportBundle(loadConfig(config), version, Date.now(), proxy);
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    writeFileSync(output, text, { flag: 'wx', mode: 0o600 });
    process.stderr.write(`wrote ${output}; it names accounts, people and addresses: read it before you send it\n`);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}

async function theProxy(): Promise<BundledProxy> {
  const standing = await proxyStanding({ self: thisProgram(), config: undefined });
  return { loaded: loadConfig(undefined, undefined, 'proxy'), standing };
}
