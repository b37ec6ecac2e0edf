/** Somebody who has logged in to the dashboard. */
import { isObject } from '../../src/server/json.ts';
import { codeAt, type Reply, send, type TestServer } from './test-server.ts';

export interface Browser {
  readonly cookie: string;
  readonly csrf: string;
  get(path: string): Promise<Reply>;
  post(path: string, body?: unknown): Promise<Reply>;
}

const intent = 'AUTH_REQ_DASH_LOGIN';

/** By password and code, as a browser does it. */
export async function signIn({ url, time }: TestServer): Promise<Browser> {
  time.advance(30_000); // the last code was used
  return await signInWith(url, 'alice@example.com', 'correct horse', codeAt(time.now()));
}

export async function signInWith(url: URL, email: string, password: string, totpCode: string): Promise<Browser> {
  const post = async (path: string, body: object) => await send(url, 'POST', path, JSON.stringify(body));
  const first = await post('/auth/identity', { email, password, intent });
  const second = await post('/auth/tfa', { token: dataOf(first.json)[0], tfaMethod: 'totp', totpCode, intent });
  const [cookie = ''] = String(second.headers['set-cookie']).split(';');
  const [data] = dataOf(second.json);
  return browser(url, cookie, isObject(data) ? String(data['CSRFToken']) : '');
}

export function browser(url: URL, cookie: string, csrf: string): Browser {
  const headers = { cookie, 'x-csrf': csrf };
  return {
    cookie,
    csrf,
    get: async path => await send(url, 'GET', path, '', undefined, headers),
    post: async (path, body = {}) => await send(url, 'POST', path, JSON.stringify(body), undefined, headers),
  };
}

export function dataOf(json: unknown): unknown[] {
  const data: unknown = isObject(json) ? json['data'] : undefined;
  return Array.isArray(data) ? data : [];
}
