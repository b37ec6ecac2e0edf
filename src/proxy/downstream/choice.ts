/** The service question: a name, an address, a number of the list that was shown, or a part of a name. */
import type { ProxyService, ServiceIdentity } from '../../config/config.ts';
import type { InfoRequests } from './info-requests.ts';
import * as words from './words.ts';

/** Lists count: whoever looks twice and mistypes once is still in time. */
const maxAsked = 6;
const maxListed = 20;

/**
 * @param granted the services that this person may choose from: of no other is it told that there is one
 * @param jump is chosen by its name alone, and stands in no list
 * @returns undefined: nothing was chosen
 */
export async function chooseService(
  conversation: InfoRequests,
  granted: readonly ProxyService[],
  jump: ServiceIdentity,
): Promise<ProxyService | ServiceIdentity | undefined> {
  let shown: readonly ProxyService[] = [];
  for (let asked = 0; asked < maxAsked; asked++) {
    const answers = await conversation.ask(words.chooseService.instruction, words.chooseService.questions);
    const [answer] = answers ?? [];
    if (answer === undefined) return undefined;
    const typed = answer.expose().trim();
    if (typed === jump.name) return jump;
    const found = servicesMeant(typed, granted, shown);
    const [service, ...others] = found;
    if (service === undefined) await conversation.tell(words.invalidService);
    else if (others.length === 0) {
      await conversation.tell(words.serviceSelected(service.name, service.host));
      return service;
    } else {
      shown = found.slice(0, maxListed);
      await conversation.tell(words.serviceList(shown, found.length - shown.length));
    }
  }
  return undefined;
}

/** One service if it is clear which; several to choose from, or none. */
function servicesMeant(
  typed: string,
  granted: readonly ProxyService[],
  shown: readonly ProxyService[],
): readonly ProxyService[] {
  const exact =
    granted.find(({ name }) => name === typed) ??
    granted.find(({ host, port }) => typed === `${host}:${port}` || (typed === host && port === 22)) ??
    (/^\d{1,2}$/.test(typed) ? shown[Number(typed) - 1] : undefined);
  if (exact !== undefined) return [exact];
  return granted.filter(({ name }) => name.toLowerCase().includes(typed.toLowerCase()));
}
