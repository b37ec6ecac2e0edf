import { type CaResult, done, refused } from '../ca/result.ts';
import type { SetupHost, Trouble } from '../setup/host.ts';
import { type Image, NotPlaced, placeFile, readImage } from '../setup/place-file.ts';
import { connectionOf } from '../setup/services.ts';
import { effectiveSettings } from '../system/sshd-settings.ts';

/** What becomes of sshd's configuration, and how sshd itself says that it has. */
export interface SshdChange {
  /** Whole contents, by path. What is secret is not among them. */
  readonly files: ReadonlyMap<string, string | Buffer>;
  /** As `sshd -T` prints them: one of the values of a setting. */
  readonly expected: readonly { readonly setting: string; readonly value: string }[];
}

export interface EnlistHost extends Pick<SetupHost, 'sshd' | 'hasSystemd'> {
  /** Of this sshd, if one runs. */
  readonly reload: () => Promise<Trouble | undefined>;
}

/** All of it, and sshd knows of it; or nothing, and everything is as it was. */
export async function changeSshd({ files, expected }: SshdChange, host: EnlistHost): Promise<CaResult<void>> {
  const before = new Map<string, Image | undefined>();
  let isTold = false;
  const whyNot = await withoutThrowing(async () => {
    for (const path of files.keys()) before.set(path, readImage(path));
    for (const [path, content] of files) placeFile(path, readable(content));
    const unseen = await whatSshdDoesNotSee(expected, host);
    if (unseen !== undefined) return unseen;
    isTold = true;
    return (await host.reload())?.text;
  });
  if (whyNot === undefined) return done(undefined);
  const left = await withoutThrowing(async () => {
    for (const [path, image] of before) placeFile(path, image);
    return isTold ? (await host.reload())?.text : undefined;
  });
  return refused(
    left === undefined ? `${whyNot}; everything is as it was` : `${whyNot}; and to undo it failed: ${left}`,
  );
}

/** Others may read it; sshd is root's. */
function readable(content: string | Buffer): Image {
  return { bytes: Buffer.from(content), mode: 0o644, uid: 0, gid: 0 };
}

async function whatSshdDoesNotSee(expected: SshdChange['expected'], { sshd }: EnlistHost): Promise<string | undefined> {
  const asked = await effectiveSettings(sshd, connectionOf('root'));
  if (asked.kind === 'failed') return `sshd does not take it: ${asked.why}`;
  const missing = expected.find(({ setting, value }) => !asked.answer.all(setting).includes(value));
  if (missing === undefined) return undefined;
  const instead = asked.answer.all(missing.setting).join(', ') || 'none';
  return `sshd has ${missing.setting} ${instead} and not ${missing.value}: an earlier line of sshd_config wins, or it does not include /etc/ssh/sshd_config.d/*.conf`;
}

async function withoutThrowing(work: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NotPlaced) return error.message;
    throw error;
  }
}
