/** Who needs a second factor, and who does not, and why. */
import { requirementOf } from '../../policy/policy.ts';
import type { AccountFacts, Facts } from '../facts.ts';
import { type Finding, found } from '../finding.ts';

/** Does a rule, or the want of one, say that this account needs a second factor? If it cannot be told, it does. */
export function isAsked({ config }: Facts, { name, groups }: AccountFacts): boolean {
  return config.kind === 'broken' || requirementOf(config.config.policy, name, groups).kind !== 'bypass';
}

export function checkAccounts(facts: Facts): Finding[] {
  const named = namedAccounts(facts);
  return facts.accounts.flatMap(account => {
    if (account.user !== undefined) return whyNotAsked(facts, account);
    const at = facts.config.kind === 'loaded' && named.includes(account.name) ? facts.config.config.source : '--user';
    return [
      found(
        'unknown-user',
        `there is no account ${account.name}`,
        [at],
        'write the name of an account, as in passwd(5)',
      ),
    ];
  });
}

function whyNotAsked({ config }: Facts, { name, groups }: AccountFacts): Finding[] {
  if (config.kind === 'broken') return [];
  const { policy, source } = config.config;
  const requirement = requirementOf(policy, name, groups);
  switch (requirement.kind) {
    case 'required':
      return [];
    case 'undecidable':
      return [
        found(
          'groups-unknown',
          'groups cannot be looked up, but rules go by them',
          [source],
          'see what getent initgroups says, or use exemptUsers and requiredUsers',
          name,
        ),
      ];
    case 'bypass': {
      if (requirement.rule === 'not-required')
        return [
          found(
            'not-required',
            'no second factor is needed: required users or groups are set, and it is not among them',
            [`${source}: requiredUsers, requiredGroups`],
            'add it, or use exemptUsers and exemptGroups instead',
            name,
          ),
        ];
      const rule = requirement.rule === 'exempt-group' ? 'exemptGroups' : 'exemptUsers';
      return [
        found(
          'exempt',
          `no second factor is needed: ${rule} has ${requirement.detail}`,
          [`${source}: ${rule}`],
          `take it out of ${rule}`,
          name,
        ),
      ];
    }
  }
}

/** Accounts that the configuration names, to be looked at too. */
export function namedAccounts({ config }: Pick<Facts, 'config'>): string[] {
  if (config.kind === 'broken') return [];
  const { requiredUsers, exemptUsers, offlineUsers } = config.config.policy;
  return [...new Set([...requiredUsers, ...exemptUsers, ...offlineUsers])];
}
