/** How the proxy is: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever balances or restarts it. No secret is told. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { exposition, type Sample } from './counters.ts';

export interface MetricsPorts {
  readonly samples: () => Promise<readonly Sample[]>;
  /** Why nobody is let in now; undefined if people are. */
  readonly notReady: () => string | undefined;
}

export interface MetricsServer {
  readonly port: number;
  close(): void;
}

const mostConnections = 50;
const requestMs = 5_000;

/** Rejects if it cannot listen. */
export async function openMetrics(
  listen: { readonly host: string | undefined; readonly port: number },
  ports: MetricsPorts,
): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: requestMs, headersTimeout: requestMs }, (request, response) => {
    const { method = '', url = '' } = request;
    if (method === 'GET' || method === 'HEAD') void answer(url.split('?')[0] ?? '', response, ports);
    else respond(response, 405, 'only GET\n');
  });
  server.maxConnections = mostConnections;
  server.listen({ port: listen.port, ...(listen.host !== undefined && { host: listen.host }) });
  await once(server, 'listening');
  server.on('error', () => {}); // a connection that the kernel could not hand over, for want of memory: they ask again
  return {
    port: portOf(server),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(path: string, response: ServerResponse, { samples, notReady }: MetricsPorts): Promise<void> {
  switch (path) {
    case '/metrics':
      return respond(response, 200, exposition(await samples()), 'text/plain; version=0.0.4; charset=utf-8');
    case '/healthz':
      return respond(response, 200, 'ok\n');
    case '/readyz': {
      const why = notReady();
      return respond(response, why === undefined ? 200 : 503, `${why ?? 'ready'}\n`);
    }
    default:
      return respond(response, 404, 'there are /metrics, /healthz and /readyz\n');
  }
}

function respond(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
