import { personBundle } from '../../ca/person-bundle.ts';
import type { Turnstile } from '../turnstile.ts';
import { bundleAnswer, type CaPorts, refusal } from './ca.ts';
import type { PersonalEndpoint } from './signed-in.ts';

/** POST /api/v1/my/generatekey: a new key of the person who asks, and its certificate by the System CA, as id_rsa.zip. */
export function myKey({ cas, now, keyMaking }: CaPorts & { readonly keyMaking: Turnstile }): PersonalEndpoint {
  return async (_call, caller) => {
    const { person, session } = caller;
    const bundle = await keyMaking.pass(
      person.id,
      async () =>
        await cas.issue('system', async issuer => await personBundle(issuer, person.email, session.device, now())),
    );
    if (bundle === undefined) return refusal(caller, 'too many requests, try again later', 'GenerateKeyPair', '');
    const reason = 'could not generate TempCertificate ForDeviceAgent'; // the original's
    return bundleAnswer(bundle, caller, { name: 'id_rsa.zip', reason, intent: 'Update hygiene' });
  };
}
