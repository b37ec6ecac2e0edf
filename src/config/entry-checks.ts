/** What policies of the proxy say of services, accounts and groups: such as there are. */
import { isPattern, matchesPattern } from '../policy/pattern.ts';
import { cleanText } from '../protocol/clean.ts';
import type { Problem } from './config.ts';
import { nearest } from './nearest.ts';
import { problemAt } from './problem.ts';
import type { ReadOptions } from './read-options.ts';

export function entryProblems(file: string, { values, faulty, lineOf }: ReadOptions): Problem[] {
  const { services, groups, policies } = values.proxy;
  const accounts = [...new Set([...services.values()].flatMap(service => service.accounts))];
  const known = [
    { key: 'services', what: 'service', names: [...services.keys()], isKnown: !faulty.has('proxy.services') },
    { key: 'accounts', what: 'account of any service', names: accounts, isKnown: !faulty.has('proxy.services') },
    { key: 'groups', what: 'group in [proxy.groups]', names: [...groups.keys()], isKnown: !faulty.has('proxy.groups') },
  ] as const;
  return policies.flatMap(policy =>
    known
      .filter(({ isKnown }) => isKnown)
      .flatMap(({ key, what, names }) =>
        (policy[key] ?? [])
          .filter(text => !names.some(name => (key === 'groups' ? name === text : matchesPattern(text, name))))
          .map(text => {
            const near = isPattern(text) ? undefined : nearest(text, names);
            const hint = near === undefined ? undefined : `did you mean ${near}?`;
            const line = lineOf(['proxy', 'policies', policy.name, key]);
            const says = `policies ${policy.name}: ${key}: there is no ${what} ${JSON.stringify(cleanText(text, 64))}`;
            return problemAt(file, line, says, hint);
          }),
      ),
  );
}
