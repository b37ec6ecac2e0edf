import { type AddressInfo, Server } from 'node:net';
import t from 'tap';
import type { DecisionEvent } from '../../src/auth/ports.ts';
import { Counters, exposition, gauge, type Sample } from '../../src/proxy/metrics/counters.ts';
import { countingAudit } from '../../src/proxy/metrics/counting-audit.ts';
import { openMetrics } from '../../src/proxy/metrics/metrics-server.ts';

const noDecision: DecisionEvent = {
  event: 'decision',
  attempt: 'A',
  door: 'proxy',
  uid: 1,
  service: 'ssh',
  account: 'alice',
  person: null,
  client: null,
  tty: null,
  key: null,
  command: null,
  factor: null,
  decision: 'deny',
  reason: 'wrong-code',
  detail: null,
  server: null,
  totalMs: 1,
  verifyMs: 1,
};

t.test('the text is what Prometheus reads; equal series of several processes are one', async t => {
  const [one, other] = [new Counters(), new Counters()];
  one.add('trasa_proxy_logins_total', { decision: 'allow', by: 'totp' });
  one.add('trasa_proxy_logins_total', { decision: 'allow', by: 'totp' });
  other.add('trasa_proxy_logins_total', { decision: 'allow', by: 'totp' });
  other.add('trasa_proxy_logins_total', { decision: 'deny', by: 'say "\\no"\n' });
  t.equal(
    exposition([...one.samples, ...other.samples, gauge('trasa_proxy_sessions', 2)]),
    `# HELP trasa_proxy_logins_total Decisions about logins, by kind and by factor, rule or reason.
# TYPE trasa_proxy_logins_total counter
trasa_proxy_logins_total{decision="allow",by="totp"} 3
trasa_proxy_logins_total{decision="deny",by="say \\"\\\\no\\"\\n"} 1
# HELP trasa_proxy_sessions Sessions now.
# TYPE trasa_proxy_sessions gauge
trasa_proxy_sessions 2
`,
  );
});

t.test('audit lines are counted once they are written, with words of ours only', async t => {
  const counters = new Counters();
  let isFull = false;
  const written: string[] = [];
  const write = ({ event }: { readonly event: string }): void => {
    if (isFull) throw new Error('the disk is full');
    written.push(event);
  };
  const audit = countingAudit({ decision: write, note: write }, counters);
  audit.decision(noDecision);
  audit.note({ event: 'session-start' });
  for (const kind of ['shell', 'sftp', 'evil"}\n', null]) audit.note({ event: 'channel-start', kind });
  for (let n = 0; n < 1000; n++) audit.note({ event: 'channel-refused', type: `made-up-${n}` });
  audit.note({ event: 'channel-refused', type: 'direct-tcpip' });
  audit.note({ event: 'session-end', totalMs: 2500, outputBytes: 7 });
  for (const event of ['recording-sealed', 'not-recorded', 'another']) audit.note({ event });
  isFull = true;
  t.throws(() => audit.decision(noDecision), /full/);
  t.equal(written.length, 1011);
  t.same(
    counters.samples.map(([family, labels, value]: Sample) => `${family}${labels} ${value}`),
    [
      'trasa_proxy_logins_total{decision="deny",by="wrong-code"} 1',
      'trasa_proxy_sessions_started_total 1',
      'trasa_proxy_channels_total{kind="shell"} 1',
      'trasa_proxy_channels_total{kind="sftp"} 1',
      'trasa_proxy_channels_total{kind="other"} 2',
      'trasa_proxy_refused_total{kind="other"} 1000',
      'trasa_proxy_refused_total{kind="direct-tcpip"} 1',
      'trasa_proxy_sessions_ended_total 1',
      'trasa_proxy_session_seconds_total 2.5',
      'trasa_proxy_output_bytes_total 7',
      'trasa_proxy_recordings_total{state="sealed"} 1',
      'trasa_proxy_recordings_total{state="failed"} 1',
    ],
  );
});

t.test('the pages', async t => {
  let why: string | undefined;
  const server = await openMetrics(
    { host: '127.0.0.1', port: 0 },
    { samples: () => Promise.resolve([gauge('trasa_proxy_ready', 1)]), notReady: () => why },
  );
  t.teardown(() => server.close());
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  t.match(await get('/metrics?x=1'), { status: 200, type: /version=0\.0\.4/, text: /^trasa_proxy_ready 1$/m });
  t.match(await get('/healthz'), { status: 200, text: 'ok\n' });
  t.match(await get('/readyz'), { status: 200, text: 'ready\n' });
  why = 'it is shutting down';
  t.match(await get('/readyz'), { status: 503, text: 'it is shutting down\n' });
  t.match(await get('/healthz'), { status: 200 });
  t.match(await get('/secrets'), { status: 404 });
  t.match(await get('/metrics', 'POST'), { status: 405 });
  t.doesNotThrow(
    () => listenerAt(server.port).emit('error', new Error('accept ENOMEM')),
    'it is not the end of the proxy',
  );
  t.match(await get('/healthz'), { status: 200 });
});

/** As Node has it, which tells it of connections that cannot be accepted. */
function listenerAt(port: number): Server {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles: () => unknown[] };
  const found = handles().find(one => one instanceof Server && (one.address() as AddressInfo | null)?.port === port);
  if (!(found instanceof Server)) throw new Error('nothing listens there');
  return found;
}
