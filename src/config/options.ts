/**
 * Every option there is, one row each: name, kind, default, bounds, and its words in the manual.
 *
 * The parser, `trasa-agent check`, the option list of trasa-agent.toml(5) and the sample file are made from or compared
 * with this table. TRASA's own names are kept where TRASA has one.
 */
import { failSafeCauses } from '../policy/decision.ts';
import {
  notADomain,
  notAFingerprint,
  notAGivenPath,
  notAnAccount,
  notAPath,
  notASocketPath,
  notATrasaID,
  notAWord,
} from './checks.ts';
import { groups, policies } from './entry-options.ts';
import { type Option, secret } from './option.ts';
import { choice, choices, flag, integer, map, names, namesOrCsv, seconds, text } from './option-kinds.ts';
import { addressBlocks, listenAddress, optionalAddress, services } from './proxy-options.ts';
import { httpProxy, origins, pins } from './server-options.ts';

export const options = {
  /** Above the first [section]. */
  top: {
    trasaServerURL: origins(
      'Where the TRASA server is. Several are tried in order, the last good one first. Required.',
    ),
    serviceID: text(
      'The ID of this service in the TRASA dashboard. Required.',
      'a string without blanks',
      example('ID'),
      notAWord,
    ),
    serviceKey: secret(
      text(
        'The key of this service. This, or serviceKeyFile, is required. The file must not be readable by everyone.',
        'a string without blanks',
        example('KEY'),
        notAWord,
      ),
    ),
    serviceKeyFile: text(
      'A file that holds the service key and nothing else, instead of serviceKey.',
      'an absolute path',
      example('/etc/trasa/service.key'),
      notAPath,
    ),
    caFile: text(
      "PEM certificates of the authorities to trust for the server, instead of the system's.",
      'an absolute path',
      example('/etc/trasa/ca.pem'),
      notAPath,
    ),
    pins: pins(
      "SHA-256 of public keys, as sha256//BASE64. If there are any, one must match. That of the server's own key replaces CA, name and dates; that of its CA comes on top of them.",
    ),
    insecureSkipVerify: flag(
      'Accept any certificate: whoever is in between can read codes and open the door. For tests.',
    ),
    httpProxy: httpProxy(
      'Reach the server through this HTTP proxy (CONNECT). The environment is never asked for one. May hold a password.',
    ),
    connectTimeout: seconds('Longest wait for a connection to one server.', 5, { min: 1, max: 60 }),
    tlsTimeout: seconds('Longest wait for its TLS handshake.', 5, { min: 1, max: 60 }),
    responseTimeout: seconds('Longest wait for the answer to a code.', 10, { min: 1, max: 120 }),
    pushTimeout: seconds(
      'Longest wait for the answer to a push. The server holds one for 60 seconds: below 61 is warned of.',
      65,
      { min: 5, max: 300 },
    ),
    debug: flag('Log more. Never logs keys or codes.'),
    offlineUsers: namesOrCsv(
      'Accounts that enter without a second factor while no server can be reached. Warned of unless empty.',
    ),
  },
  policy: {
    requiredUsers: names(
      'Accounts that need a second factor. If users or groups are required here, all others need none.',
    ),
    requiredGroups: names('Groups, primary or supplementary, whose members need a second factor.'),
    exemptUsers: names('Accounts that need none.'),
    exemptGroups: names('Groups whose members need none, unless a user or group rule requires one.'),
    attempts: integer('Answers per login that may be wrong.', 3, { min: 1, max: 10 }),
    autopush: flag('Send a push at once instead of asking for a code first.'),
    codeDigits: integer('Digits of a code. Whatever else is typed is never sent anywhere.', 6, { min: 6, max: 8 }),
    replayMemory: seconds('How long a used code stays used. Servers take a code for up to 90 seconds.', 300, {
      min: 90,
      max: 86_400,
    }),
    pushCooldown: seconds('No push for this long after one was refused.', 60, { min: 0, max: 86_400 }),
    grace: seconds(
      'Ask no second factor for this long after a login of the same account, address and key. 0: always ask.',
      0,
      { min: 0, max: 86_400 },
    ),
    observe: choice(
      'Try it out: ask nobody, let in everybody whom sshd lets in, and log what would have happened. For the time before it is turned on.',
      ['no', 'let-everybody-in'],
      'no',
    ),
    trustProxyCA: text(
      "The User CAs of access proxies (trasa-agent ca export user). Whoever proved a second factor at such a proxy is not asked again by PAM: the proxy's certificate says so.",
      'an absolute path',
      example('/etc/trasa/proxy-ca.pub'),
      notAPath,
    ),
    revokedKeys: text(
      'A list (KRL) of certificates of these proxies that do not count any more. Read at each such login; if it cannot be read, none of them counts.',
      'an absolute path',
      example('/etc/ssh/trasa-revoked.krl'),
      notAPath,
    ),
    failMode: choice(
      'While no server can be reached: let nobody in (secure), or everybody (safe).',
      ['secure', 'safe'],
      'secure',
    ),
    failSafeOn: choices(
      'The troubles that failMode = "safe" applies to. Any other denies. The last three can be caused by whoever logs in.',
      failSafeCauses,
      ['unreachable', 'timeout'],
    ),
  },
  identity: {
    domain: text('Makes the TRASA ID account@domain.', 'a domain name', example('example.com'), notADomain),
    people: map(
      'The TRASA ID behind an account: alice = "alice@example.com". Comes before all else.',
      'accounts and TRASA IDs',
      notAnAccount,
      notATrasaID,
    ),
    keys: map(
      'The TRASA ID behind a public key, for shared accounts: "SHA256:…" = "alice@example.com". See ssh-keygen -l.',
      'key fingerprints and TRASA IDs',
      notAFingerprint,
      notATrasaID,
    ),
  },
  throttle: {
    accountFreeTries: integer('Wrong codes for one account before it is held off.', 5, { min: 1, max: 100 }),
    addressFreeTries: integer('Wrong codes from one address before it is held off.', 20, { min: 1, max: 10_000 }),
    firstHold: seconds('The first hold. Each further wrong code doubles it.', 30, { min: 1, max: 3600 }),
    maxHold: seconds('The longest hold.', 900, { min: 1, max: 86_400 }),
  },
  daemon: {
    socket: text(
      'Where the daemon listens, unless systemd hands it a socket. The login command does not read this file: give it --socket, too.',
      'an absolute path',
      standard('/run/trasa-agent/agent.sock'),
      notASocketPath,
    ),
    stateDirectory: text(
      'Used codes, holds and grace records.',
      'an absolute path',
      standard('/var/lib/trasa-agent'),
      notAGivenPath,
    ),
    auditFile: text(
      "Write audit lines to this file too, besides standard output. Empty: do not. Below Ubuntu's /var/log others can write, so it is refused there.",
      'an absolute path',
      standard(''),
      notAPath,
    ),
    maxLogins: integer('Logins in progress at once, a quarter of them for root (PAM) alone. One more is denied.', 256, {
      min: 1,
      max: 4096,
    }),
    loginTimeout: seconds("The longest that one login may take. Keep it under sshd's LoginGraceTime (120).", 110, {
      min: 10,
      max: 600,
    }),
  },
  login: {
    motd: flag('Print /etc/motd and the like, which sshd leaves out under a ForceCommand. Interactive logins only.'),
    record: flag('Record sessions with a terminal (asciicast v2), which keeps the agent in the middle.'),
    recordDirectory: text(
      'Where recordings go.',
      'an absolute path',
      standard('/var/lib/trasa-agent/recordings'),
      notAGivenPath,
    ),
    sftpServer: text(
      'What internal-sftp becomes. Empty: sftp-server in the first of its usual places.',
      'an absolute path',
      standard(''),
      notAPath,
    ),
  },
  proxy: {
    sshListenAddr: listenAddress('Where trasa-agent proxy listens.'),
    stateDirectory: text(
      "The proxy's own host keys, used codes, holds and grace records.",
      'an absolute path',
      standard('/var/lib/trasa-proxy'),
      notAGivenPath,
    ),
    auditFile: text(
      'Write audit lines of the proxy to this file too, besides standard output. Empty: do not.',
      'an absolute path',
      standard(''),
      notAPath,
    ),
    caDirectory: text(
      "Where the SSH User CA is (trasa-agent ca init --user), whose certificates open the upstream hosts. The proxy's user must own it.",
      'an absolute path',
      standard('/var/lib/trasa-ca'),
      notAGivenPath,
    ),
    caPassphraseFile: text(
      'A file whose first line is the passphrase of the CA, or the PIN of its token: a systemd credential, say.',
      'an absolute path',
      example('/etc/trasa/ca.passphrase'),
      notAPath,
    ),
    caAgent: text(
      "The socket of the ssh-agent that has the CA's key, if it was made with --agent-key. Empty: none does.",
      'an absolute path',
      example('/run/ca-agent/socket'),
      notAPath,
    ),
    recordDirectory: text(
      'Where recordings of services with record = true go.',
      'an absolute path',
      standard('/var/lib/trasa-proxy/recordings'),
      notAGivenPath,
    ),
    recordingDays: integer('So many days after their end recordings are removed. 0: they are kept.', 0, {
      min: 0,
      max: 36_500,
    }),
    certificateLifetime: seconds('How long the certificate for one upstream login is valid.', 120, {
      min: 30,
      max: 900,
    }),
    sourceAddress: addressBlocks(
      'From where upstream hosts see the proxy, if something in between changes its address. Empty: from the address of its own end.',
      '"192.0.2.0/24"',
    ),
    loginTimeout: seconds('The longest that one login at the proxy may take.', 120, { min: 10, max: 600 }),
    maxStartups: integer('Connections that are not logged in yet, all together. One more is closed.', 100, {
      min: 4,
      max: 10_000,
    }),
    maxStartupsPerAddress: integer('The same from one address (IPv6: one /64).', 10, { min: 1, max: 10_000 }),
    penaltyExempt: addressBlocks(
      'Addresses that are not kept out for a while after failed logins: a gateway that many people come through.',
      '"192.0.2.7,10.0.0.0/8"',
    ),
    workers: integer('Processes that the connections are spread over. 0: as many as there are processors.', 0, {
      min: 0,
      max: 256,
    }),
    proxyProtocolFrom: addressBlocks(
      'Balancers that say first, by the PROXY protocol (version 1 or 2), for whom they speak. From them it is required; from others it is none.',
      '"10.0.0.10,10.0.0.11"',
    ),
    maxSessions: integer('Logged-in connections at once. One more is told so and closed.', 1000, {
      min: 1,
      max: 100_000,
    }),
    drainTime: seconds(
      'How long sessions may go on when the proxy is told to stop; nobody new comes in then. Keep it under TimeoutStopSec of systemd.',
      10,
      { min: 0, max: 3600 },
    ),
    metricsAddr: optionalAddress(
      'Where Prometheus finds /metrics, and others /healthz and /readyz, without a password: an address that only they reach. Empty: nowhere.',
      '"127.0.0.1:9822"',
    ),
    keys: map(
      'Public keys that are a first factor at the proxy: "SHA256:…" = "alice@example.com". See ssh-keygen -l.',
      'key fingerprints and TRASA IDs',
      notAFingerprint,
      notATrasaID,
    ),
    systemCA: text(
      "Public keys of a TRASA System CA, a line each, as the server has them for download. Its certificates, in which somebody's email address is the one principal, are a first factor at the proxy.",
      'an absolute path',
      example('/etc/trasa/system-ca.pub'),
      notAPath,
    ),
    catalogue: flag(
      'Take services, policies, groups, keys of people, CAs and the vault from the server, besides those of this file: an embedded server (trasa-agent server) that has this proxy as a service with --proxy.',
    ),
    catalogueMaxAge: seconds(
      'While the server is away its last catalogue goes on for this long, then nothing of it counts.',
      86_400,
      { min: 300, max: 2_592_000 },
    ),
    services: services(
      'The hosts behind the proxy: [proxy.services.NAME] with address, accounts, hostCA, hostKey or firstUse, serviceID, serviceKey or serviceKeyFile, record, credentials, via and more. See trasa-agent-proxy(8).',
    ),
    groups: groups('Groups of people, for policies: admins = ["alice@example.com"]. Members may be patterns.'),
    policies: policies(
      'Who may enter what, when, from where, and do what: [proxy.policies.NAME]. The first that speaks of person, service and account decides; without any, everybody may enter. See trasa-agent-proxy(8).',
    ),
  },
} as const satisfies Record<string, Record<string, Option<unknown>>>;

export type Section = keyof typeof options;

type ValueOf<O> = O extends Option<infer T> ? T : never;

/** What the file says, or the defaults: one value per row of the table. Durations in milliseconds. */
export type Values = {
  readonly [S in Section]: { readonly [N in keyof (typeof options)[S]]: ValueOf<(typeof options)[S][N]> };
};

export function sectionNames(): Section[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of the constant above, and no others
  return Object.keys(options) as Section[];
}

function standard(value: string): { readonly standard: string } {
  return { standard: value };
}

function example(value: string): { readonly example: string } {
  return { example: value };
}
