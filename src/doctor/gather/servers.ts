import { hostname } from 'node:os';
import type { ServerSettings } from '../../config/config.ts';
import { cleanText } from '../../protocol/clean.ts';
import { TrasaClient } from '../../trasa/client.ts';
import { lookAt, type ServerSight, type Shown } from '../../trasa/sight.ts';

/** Asks each server by itself: a login would be content with the first that answers. */
export async function gatherServers(settings: ServerSettings): Promise<ServerSight[]> {
  return await Promise.all(settings.urls.map(async url => await look({ ...settings, urls: [url] })));
}

async function look(settings: ServerSettings): Promise<ServerSight> {
  const client = new TrasaClient(settings, hostname());
  const askedMs = Date.now();
  let shown: Shown | undefined;
  const delivery = await client.checkConfig(new AbortController().signal, message => {
    shown = lookAt(message, settings.pins, askedMs, Date.now());
  });
  client.close();
  const { server } = delivery;
  if (delivery.kind === 'unavailable') {
    const { cause, detail } = delivery;
    return { server, answer: { kind: 'none', cause, detail }, shown };
  }
  const { status, reason } = delivery.envelope;
  const answer =
    status === 'success'
      ? ({ kind: 'accepts' } as const)
      : ({ kind: 'refuses', reason: cleanText(reason, 200) } as const);
  return { server, answer, shown };
}
