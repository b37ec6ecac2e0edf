/** Below /api/v1/providers/ca/tsxca: the server's SSH CAs, for its administrators. */
import { exportedKeys } from '../../ca/exported-keys.ts';
import type { CaResult } from '../../ca/result.ts';
import { type CaFacts, type CaName, caNames, type ServerCas } from '../server-cas.ts';
import type { Answer } from './endpoint.ts';
import { failed, success } from './envelope.ts';
import type { Caller, PersonalEndpoint } from './signed-in.ts';

export interface CaPorts {
  readonly cas: ServerCas;
  readonly now: () => number;
}

/**
 * POST …/ssh/init/{user|host|system}: makes that CA.
 *
 * In the original a CA that is there is silently replaced, and with it all that it signed; here it stays.
 */
export function caInit({ cas }: CaPorts): PersonalEndpoint {
  return async ({ params }, caller) => {
    const name = nameIn(params);
    if (name === undefined) return refusal(caller, 'invalid request', notMade, 'no such CA');
    const made = await cas.init(name);
    if (made.kind === 'done')
      return {
        envelope: success('CA successfully generated', ' CA generated', [null, null]),
        audit: { person: caller.person.email, detail: `made the ${name} CA` },
      };
    const reason = made.kind === 'refused' ? `there is a ${name} CA already, and it stays` : 'invalid request';
    return refusal(caller, reason, notMade, made.text);
  };
}

/** GET …/ssh/{user|host|system}: the public key, as sshd's TrustedUserCAKeys and ssh_known_hosts(5) have it. */
export function caDownload({ cas, now }: CaPorts): PersonalEndpoint {
  return ({ params }, caller) => {
    const name = nameIn(params);
    if (name === undefined) return refusal(caller, 'failed to fetch data', notFetched, 'no such CA');
    const keys = cas.publicKeys(name, now());
    if (keys.kind !== 'done') return refusal(caller, 'failed to fetch data', notFetched, keys.text);
    return {
      envelope: success('', 'DownloadSshCA'),
      file: {
        contentType: 'application/x-pem-file',
        name: `${name}-ca-cert.pem`,
        content: exportedKeys(keys.value, name),
      },
      audit: { person: caller.person.email, detail: `the ${name} CA` },
    };
  };
}

/** GET …/all: the CAs that there are. */
export function caList({ cas }: CaPorts): PersonalEndpoint {
  return (_call, { person }) => {
    const list = caNames.flatMap(name => cas.facts(name) ?? []).map(holderOf);
    const data = list.length === 0 ? null : list; // Go's empty slice
    return { envelope: success('CA created', 'GetCADetail', [data]), audit: { person: person.email } };
  };
}

/** A failure of the CA in the words of the original; the log has ours. */
export function refusal({ person }: Caller, reason: string, intent: string, detail: string): Answer {
  return { envelope: failed(reason, intent, [null]), audit: { person: person.email, detail } };
}

/** A zip with something newly issued. */
export function bundleAnswer(
  result: CaResult<{ readonly serial: bigint; readonly zip: Buffer }>,
  caller: Caller,
  { name, reason, intent, service }: { name: string; reason: string; intent: string; service?: string },
): Answer {
  if (result.kind !== 'done') return refusal(caller, reason, intent, result.text);
  return {
    envelope: success('', intent),
    file: { contentType: 'application/zip', name, content: result.value.zip },
    audit: { person: caller.person.email, service, detail: `serial ${result.value.serial}` },
  };
}

const notMade = ' CA not generated'; // as the original has it
const notFetched = 'GetCADetail-GetCertDetail';

function nameIn(params: Readonly<Record<string, string>>): CaName | undefined {
  return caNames.find(name => name === params['type']);
}

/** The original's `CertHolderResponse`. There is one organisation, which has no id; times are in seconds. */
function holderOf({ name, fingerprint, madeAt }: CaFacts): object {
  const createdAt = Math.floor(madeAt / 1000);
  return {
    certID: fingerprint,
    orgID: '',
    entityID: name,
    cert: null,
    certType: 'SSH_CA',
    createdAt,
    lastUpdated: createdAt,
  };
}
