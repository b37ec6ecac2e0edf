/**
 * The floors of the house: which room (folder of src/) may import what. ARCHITECTURE.md shows the same table.
 * Lint stops most mistakes earlier (.oxlintrc.json); this test stops all.
 */
import { globSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '..');

interface Room {
  readonly floor: 0 | 1 | 2 | 3;
  /** Rooms of the same floor that it may import. Lower floors are allowed; higher ones never are. */
  readonly beside?: readonly string[];
  /** npm packages that it may import. */
  readonly packages?: readonly string[];
  /** What is there. */
  readonly holds: string;
}

const rooms: Readonly<Record<string, Room>> = {
  otp: { floor: 0, packages: ['otplib'], holds: 'codes (RFC 4226, 6238), secrets, otpauth URIs' },
  policy: { floor: 0, holds: 'Decision and Outcome, rules, throttle, fail mode, what a refusal says and returns' },
  protocol: { floor: 0, holds: 'the line protocol between a door and the daemon; cleaning of foreign text' },
  ssh: { floor: 0, holds: 'keys, certificates and KRLs on the wire; what sshd says of the methods passed' },
  auth: { floor: 1, holds: 'authenticate(): the recipe, and the ports it needs' },
  audit: { floor: 2, beside: ['host'], holds: 'one line per event; looking them through again' },
  config: { floor: 2, beside: ['host'], packages: ['smol-toml'], holds: 'the options, and the file that sets them' },
  host: { floor: 2, holds: 'accounts, peer credentials, safe files, becoming the shell' },
  relay: { floor: 2, holds: "a door's side of the line protocol" },
  store: { floor: 2, beside: ['host'], holds: 'what must be remembered, on disk; encryption at rest' },
  system: {
    floor: 2,
    beside: ['host'],
    holds: "how this host's sshd and PAM are set up, and how its proxy stands; read only",
  },
  terminal: { floor: 2, beside: ['host'], holds: 'a Conversation on a terminal' },
  trasa: { floor: 2, packages: ['axios'], holds: "the TRASA server's API, as its client" },
  verifiers: { floor: 2, beside: ['trasa', 'store'], holds: 'the ways to check a factor' },
  ca: { floor: 3, holds: 'the SSH CAs: their keys, what they issue and revoke' },
  daemon: { floor: 3, holds: 'the socket; who may ask for whom' },
  doctor: { floor: 3, holds: 'what is wrong with this host: facts gathered, then judged' },
  enlist: {
    floor: 3,
    beside: ['ca', 'setup'],
    holds: 'a host that trusts the User CA, or shows a certificate; a client that trusts the Host CA',
  },
  login: { floor: 3, packages: ['node-pty'], holds: "sshd's ForceCommand" },
  offline: { floor: 3, holds: 'break-glass, prepared beforehand: made, listed, revoked' },
  pam: { floor: 3, holds: "pam_exec's command" },
  proxy: {
    floor: 3,
    beside: ['ca'],
    packages: ['ssh2'],
    holds: 'the SSH access proxy: its two legs, and what may pass',
  },
  report: { floor: 3, holds: 'how things stand on this host, for whoever administers it' },
  server: { floor: 3, beside: ['ca'], packages: ['fastify'], holds: 'the embedded TRASA-compatible server' },
  setup: { floor: 3, holds: 'turning it on for sshd, and undoing that' },
};

/** Above all rooms; `cli` and main.ts import everything and hold no logic. */
const top: Room = { floor: 3, packages: ['yargs', 'qrcode-terminal'], holds: 'the commands, by yargs' };

/** Modules of Node that do what only few rooms should do. */
const restricted: Readonly<Record<string, readonly string[]>> = {
  // journalctl(1); ssh-agent(1) for a token; a recorded session's shell; the proxy's workers; what undoes a setup; sshd -T
  'node:child_process': ['audit', 'ca', 'login', 'proxy', 'setup', 'system'],
  'node:http': ['trasa', 'server', 'proxy'],
  'node:https': ['trasa', 'server'],
  'node:sqlite': ['store', 'server', 'ca'],
  'node:tls': ['trasa', 'server'],
};

/** What would slow `trasa-agent login` and `trasa-agent pam` down. node-pty is loaded when a session is recorded. */
const slow = ['axios', 'fastify', 'otplib', 'smol-toml', 'yargs', 'qrcode-terminal', 'node-pty', 'ssh2', 'node:crypto'];

interface Import {
  readonly from: string;
  readonly room: string;
  readonly specifier: string;
  /** The file of ours that it names, and its room; undefined for packages. */
  readonly file: string | undefined;
  readonly target: string | undefined;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

const sources = globSync('src/**/*.ts', { cwd: root }).toSorted();
const imports = sources.flatMap(importsOf);

t.test('every folder of src/ is a room of the table', async t => {
  const folders = new Set(sources.map(roomOf));
  for (const room of folders) t.ok(room === 'cli' || room === 'main.ts' || room in rooms, room);
});

t.test('no room imports from above, or from a sibling that it does not need', async t => {
  for (const { from, room, target, specifier, typeOnly } of imports) {
    if (target === undefined || target === room || isTop(room)) continue;
    const own = rooms[room];
    const other = rooms[target];
    // The shape of the configuration may be known to all who are handed a part of it.
    if (typeOnly && specifier.endsWith('/config/config.ts') && own !== undefined && own.floor >= 2) continue;
    const allowed =
      own !== undefined && other !== undefined && (other.floor < own.floor || own.beside?.includes(target) === true);
    t.ok(allowed, `${from} imports ${specifier}`);
  }
});

t.test('each npm package stays in its room', async t => {
  for (const { from, room, specifier } of imports) {
    if (specifier.startsWith('node:') || specifier.startsWith('.')) continue;
    const allowed = (isTop(room) ? top : rooms[room])?.packages?.includes(packageOf(specifier)) === true;
    t.ok(allowed, `${from} imports ${specifier}`);
  }
});

t.test('floors 0 and 1 are pure', async t => {
  const pure = (room: string): boolean => (rooms[room]?.floor ?? 3) < 2;
  for (const { from, room, specifier } of imports)
    if (pure(room) && specifier.startsWith('node:')) t.fail(`${from} imports ${specifier}`);
  const impure = /\b(Date\.now|new Date\(\)|Math\.random|performance\.|process\.|setTimeout|setInterval|fetch\()/;
  for (const file of sources.filter(file => pure(roomOf(file))))
    t.notMatch(withoutComments(readFileSync(join(root, file), 'utf8')), impure, file);
});

t.test('few rooms start programs, talk HTTP or TLS, or open SQLite', async t => {
  for (const { from, room, specifier } of imports) {
    const only = restricted[specifier];
    if (only !== undefined) t.ok(only.includes(room), `${from} imports ${specifier}`);
  }
});

for (const door of ['src/login/login.ts', 'src/pam/pam.ts'])
  t.test(`the way in through ${door} loads nothing slow`, async t => {
    const loaded = loadedBy(door);
    t.ok(loaded.size > 5, 'it loads something');
    for (const file of ['src/main.ts', ...loaded])
      for (const { specifier } of imports.filter(one => one.from === file && !one.typeOnly && !one.dynamic))
        t.notOk(slow.includes(specifier), `${file} imports ${specifier}`);
    const eager = imports.filter(one => one.from === 'src/main.ts' && !one.dynamic && !loaded.has(one.file ?? ''));
    t.strictSame(eager, [], 'main.ts imports only what every door needs too; the rest dynamically');
  });

t.test('ARCHITECTURE.md shows this table', async t => {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  t.equal(/<!-- floors -->\n([^]*?)<!-- \/floors -->/.exec(text)?.[1], asMarkdown());
});

function asMarkdown(): string {
  const rows = Object.entries(rooms).map(([name, { floor, beside = [], packages = [], holds }]) => {
    const below = floor === 0 ? 'nothing' : floor === 1 ? 'floor 0' : `floors 0–${floor - 1}`;
    const also = [...beside.map(room => `\`${room}\``), ...packages.map(name => `${name} (npm)`)];
    return `| ${floor} | \`${name}\` | ${holds} | ${[below, ...also].join(', ')} |`;
  });
  rows.push(
    `| 4 | \`cli\`, \`main.ts\` | ${top.holds} | everything, ${top.packages?.map(name => `${name} (npm)`).join(', ')} |`,
  );
  return `| floor | room | holds | may import |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function importsOf(file: string): Import[] {
  const text = withoutComments(readFileSync(join(root, file), 'utf8'));
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean, dynamic: boolean): void => {
    const own = specifier.startsWith('.') ? relative(root, resolve(root, file, '..', specifier)) : undefined;
    const target = own?.startsWith('src/') === true ? roomOf(own) : undefined;
    found.push({ from: file, room: roomOf(file), specifier, file: own, target, typeOnly, dynamic });
  };
  for (const [, type, specifier = ''] of text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?(?:[^'"`;]*?\sfrom\s+)?'([^']+)'/gm,
  ))
    add(specifier, type !== undefined, false);
  for (const [, specifier = ''] of text.matchAll(/\bimport\(\s*'([^']+)'/g)) add(specifier, false, true);
  return found;
}

/** The files of ours that importing `file` evaluates. */
function loadedBy(file: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(file)) return loaded;
  loaded.add(file);
  for (const one of imports)
    if (one.from === file && !one.typeOnly && !one.dynamic && one.file !== undefined) loadedBy(one.file, loaded);
  return loaded;
}

/** `src/otp/totp.ts` → `otp`; `src/main.ts` → `main.ts`. */
function roomOf(file: string): string {
  return file.split('/')[1] ?? '';
}

/** `ssh2/lib/protocol/kex.js` → `ssh2`. */
function packageOf(specifier: string): string {
  return specifier.split('/')[0] ?? '';
}

function isTop(room: string): boolean {
  return room === 'cli' || room === 'main.ts';
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
