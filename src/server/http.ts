import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { Secret } from '../otp/secret.ts';
import type { Answer, Call, Download } from './api/endpoint.ts';
import { failed } from './api/envelope.ts';
import { type ConnectionLimits, Connections } from './connections.ts';

/** HTTPS, without a word of TRASA's: what is bounded, when it ends, and how it is written. */
export interface Http {
  on(method: Method, path: string, handle: (call: Call) => Promise<Answer>): void;
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Lets what is being answered finish, for a few seconds. */
  close(): Promise<void>;
}

export type Method = 'GET' | 'POST';

const maxBodyBytes = 65_536;
const maxHeaderBytes = 16_384;
/** Longer than agents keep a connection warm, so that they close it and not we in the middle of a request. */
const keepAliveTimeoutMs = 75_000;
const closeTimeoutMs = 3_000;

export interface HttpLimits {
  readonly connections: ConnectionLimits;
  readonly tlsTimeoutMs: number;
  /** For the whole request to arrive. The answer may take longer: pushes are waited for. */
  readonly requestTimeoutMs: number;
}

const usualLimits: HttpLimits = {
  connections: { total: 4_000, perAddress: 256 },
  tlsTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
};

/** @param onBug told of exceptions; the client gets a 500, which no client takes for a verdict */
export function createHttp(
  tls: { readonly key: Secret; readonly cert: string },
  onBug: (error: Error) => void,
  { connections: connectionLimits, tlsTimeoutMs, requestTimeoutMs } = usualLimits,
): Http {
  const app = Fastify({
    https: {
      key: tls.key.expose(),
      cert: tls.cert,
      minVersion: 'TLSv1.2',
      handshakeTimeout: tlsTimeoutMs,
      maxHeaderSize: maxHeaderBytes,
      connectionsCheckingInterval: requestTimeoutMs / 5, // Node looks for late requests only so often, by default 30 s
    },
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    logger: false,
  });
  app.server.headersTimeout = requestTimeoutMs;
  const connections = new Connections(app.server, connectionLimits);
  let answering = 0;
  let answered = nothing; // called whenever the last open answer is out

  // As TRASA: the body is JSON whatever its content type says. It is parsed by the endpoint, whose answer to nonsense
  // is a verdict of its own.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', (_request, reply, done) => {
    answering += 1;
    reply.raw.once('close', () => {
      answering -= 1;
      if (answering === 0) answered();
    });
    reply.header('cache-control', 'no-store');
    done();
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(failed('no such endpoint', '', null)));
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) onBug(error);
    return reply.code(status).send(failed(status >= 500 ? 'UNKNOWN' : 'invalid request', '', null));
  });

  return {
    on: (method, url, handle) => {
      const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
        connections.mark(request.raw.socket, 'answering');
        reply.raw.once('close', () => connections.mark(request.raw.socket, 'idle'));
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const answer = await handle({
          body,
          peer: request.ip,
          params: paramsOf(request),
          header: name => textOf(request.headers[name]),
          gone: goneSignal(reply),
        });
        if (answer.setCookie !== undefined) reply.header('set-cookie', answer.setCookie);
        if (answer.file !== undefined)
          return await sendFile(reply, answer.file, textOf(request.headers['if-none-match']));
        return await reply.code(answer.status ?? 200).send(answer.envelope);
      };
      app.route({ method, url, handler, exposeHeadRoute: false }); // a GET may issue something
    },
    listen: async (host, port) => {
      await app.listen({ host, port });
      app.server.on('error', onBug); // a connection that the kernel could not hand over; without a listener it is the end
      const address = app.server.address();
      if (address === null || typeof address === 'string') throw new Error('listening on no TCP port');
      return address;
    },
    close: async () => {
      const closed = app.close(); // stops listening
      const cut = setTimeout(() => connections.endAll(), closeTimeoutMs);
      answered = () => connections.endAll();
      if (answering === 0) connections.endAll();
      await closed;
      clearTimeout(cut);
    },
  };
}

function nothing(): void {}

function paramsOf({ params }: FastifyRequest): Record<string, string> {
  const entries = typeof params === 'object' && params !== null ? Object.entries(params) : [];
  return Object.fromEntries(entries.map(([name, value]: [string, unknown]) => [name, textOf(value)]));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** @param known the tags of what the client has (RFC 9110 §13.1.2) */
async function sendFile(reply: FastifyReply, file: Download, known: string): Promise<FastifyReply> {
  const { contentType, name, content, tag } = file;
  if (tag !== undefined) {
    reply.header('etag', `"${tag}"`).header('cache-control', 'no-cache'); // may be kept, but ask before it is used
    const tags = known.split(',').map(one => one.trim().replace(/^W\//, ''));
    if (tags.includes(`"${tag}"`) || tags.includes('*')) return await reply.code(304).send();
  }
  if (name !== undefined) reply.header('content-disposition', `attachment; filename=${name}`);
  return await reply.type(contentType).header('x-content-type-options', 'nosniff').send(content);
}

function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
