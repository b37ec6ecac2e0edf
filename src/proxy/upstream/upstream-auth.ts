/**
 * The client's side of authentication at the upstream host: our certificate, and then whatever the host asks of the person.
 * Its questions go to the person as they are; nothing is ever answered on their behalf.
 */
import { type KeyObject, sign } from 'node:crypto';
import { cleanText } from '../../protocol/clean.ts';
import { encodeSignature } from '../../ssh/signature.ts';
import { byte, string, uint32, WireReader } from '../../ssh/wire.ts';
import type { InfoRequests } from '../downstream/info-requests.ts';
import type { Passage } from '../downstream/login.ts';
import * as words from '../downstream/words.ts';
import type { Ending, Transport, TransportListener } from '../engine/transport.ts';
import { bye, msg } from '../messages/numbers.ts';
import {
  connectionService,
  keyRequest,
  parseAuthFailure,
  type Question,
  serviceIn,
  serviceRequest,
  userauthService,
} from '../messages/userauth.ts';

/** An Ed25519 key and its certificate. */
export interface Credential {
  readonly privateKey: KeyObject;
  readonly certificate: Buffer;
}

interface AuthPorts {
  readonly issue: () => Promise<Credential | string>;
  readonly banner: (text: string) => void;
  readonly entered: () => void;
}

type AuthOutcome =
  | { readonly kind: 'entered' }
  | { readonly kind: 'refused'; readonly says: string; readonly why: string };

/** Of one request; a host that asks more has something else in mind. */
const maxQuestions = 8;
const maxRequests = 20;
const maxBanners = 5;

export class UpstreamAuth implements TransportListener {
  readonly #transport: Transport;
  readonly #passage: Passage;
  readonly #conversation: InfoRequests;
  readonly #ports: AuthPorts;
  readonly #outcome = Promise.withResolvers<AuthOutcome>();
  #stage: 'service' | 'certificate' | 'questions' | 'over' = 'service';
  #isOffered = false;
  #requests = 0;
  #banners = 0;

  constructor(transport: Transport, passage: Passage, conversation: InfoRequests, ports: AuthPorts) {
    this.#transport = transport;
    this.#passage = passage;
    this.#conversation = conversation;
    this.#ports = ports;
  }

  /** Never rejects. */
  get outcome(): Promise<AuthOutcome> {
    return this.#outcome.promise;
  }

  ready(): void {
    this.#transport.send(serviceRequest(userauthService));
  }

  drained(): void {}

  closed({ text }: Ending): void {
    this.#refuse(words.serverDown, text);
  }

  message(payload: Buffer): void {
    switch (payload[0] ?? 0) {
      case msg.serviceAccept:
        if (this.#stage !== 'service' || serviceIn(payload) !== userauthService) return this.#violation();
        this.#stage = 'certificate';
        return void this.#offerCertificate();
      case msg.userauthBanner:
        return this.#banner(payload);
      case msg.userauthSuccess:
        if (!this.#isOffered || this.#stage === 'over') return this.#violation();
        this.#stage = 'over';
        this.#ports.entered(); // at once: what follows in the same read belongs to the session
        return this.#outcome.resolve({ kind: 'entered' });
      case msg.userauthFailure:
        return this.#failed(payload);
      case msg.userauthInfoRequest:
        if (this.#stage !== 'questions' || ++this.#requests > maxRequests) return this.#violation();
        return void this.#ask(payload);
      default:
        return this.#violation();
    }
  }

  async #offerCertificate(): Promise<void> {
    const credential = await this.#ports.issue().catch((error: unknown) => String(error));
    if (this.#stage !== 'certificate') return;
    if (typeof credential === 'string')
      return this.#refuse('The proxy cannot certify this login. Tell your administrator.', credential);
    const { privateKey, certificate } = credential;
    const algorithm = new WireReader(certificate).string().toString('latin1');
    const request = keyRequest(this.#passage.account, { algorithm, blob: certificate });
    const signed = Buffer.concat([string(this.#transport.sessionId), request]);
    const signature = encodeSignature('ssh-ed25519', sign(null, signed, privateKey));
    this.#isOffered = true;
    this.#transport.send(Buffer.concat([request, string(signature)]));
  }

  #failed(payload: Buffer): void {
    const failure = parseAuthFailure(payload);
    if (failure === undefined) return this.#violation();
    // Only after our certificate was taken: a host that does not take it is not one to be asked for a password by.
    if (this.#stage === 'certificate' && failure.partial && failure.methods.includes('keyboard-interactive')) {
      this.#stage = 'questions';
      const fields = [this.#passage.account, connectionService, 'keyboard-interactive', '', ''];
      return this.#transport.send(Buffer.concat([byte(msg.userauthRequest), ...fields.map(string)]));
    }
    const why =
      this.#stage === 'questions' ? 'it was not satisfied with the answers' : 'it does not take our certificate';
    this.#refuse('The host does not let you in: it trusts no certificate of this proxy, or not for this account.', why);
  }

  async #ask(payload: Buffer): Promise<void> {
    const asked = parseInfoRequest(payload);
    if (asked === undefined) return this.#violation();
    const answers = await this.#conversation.ask(asked.instruction, asked.questions);
    if (this.#stage !== 'questions') return;
    if (answers === undefined) return this.#refuse(words.loginFailed, 'the person did not answer its questions');
    const fields = answers.map(answer => string(answer.expose()));
    this.#transport.send(Buffer.concat([byte(msg.userauthInfoResponse), uint32(answers.length), ...fields]));
  }

  #banner(payload: Buffer): void {
    if (++this.#banners > maxBanners) return this.#violation();
    const reader = new WireReader(payload);
    reader.byte();
    const lines = reader.string().toString('utf8').slice(0, 4096).split(/\r?\n/).slice(0, 50);
    this.#ports.banner(`${lines.map(line => cleanText(line, 200)).join('\r\n')}\r\n`);
  }

  #violation(): void {
    this.#refuse(words.loginFailed, 'it broke the protocol');
    this.#transport.disconnect(bye.protocolError, 'protocol error');
  }

  #refuse(says: string, why: string): void {
    if (this.#stage === 'over') return;
    this.#stage = 'over';
    this.#outcome.resolve({ kind: 'refused', says, why });
  }
}

/** Its texts cleaned. Undefined if it is malformed, or more than a person is asked. */
function parseInfoRequest(payload: Buffer): { instruction: string; questions: Question[] } | undefined {
  const reader = new WireReader(payload);
  reader.byte();
  const name = reader.string().toString('utf8');
  const instruction = reader.string().toString('utf8');
  reader.string(); // language tag
  const count = reader.uint32();
  if (count > maxQuestions) return undefined;
  const questions = Array.from({ length: count }, () => {
    const text = reader.string().toString('utf8');
    return { text: `${cleanText(text, 512)} `, echo: reader.boolean() };
  });
  const head = [name, instruction].map(text => cleanText(text, 512)).filter(text => text !== '');
  return reader.isWhole ? { instruction: head.join(': '), questions } : undefined;
}
