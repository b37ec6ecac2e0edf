import type { LoginPolicy } from '../policy/policy.ts';

/** Who needs a second factor here, in sentences. */
export function ruleLines(policy: LoginPolicy): readonly string[] {
  const { requiredUsers, requiredGroups, exemptUsers, exemptGroups, offlineUsers, failMode, failSafeOn } = policy;
  const required = [...named('users', requiredUsers), ...named('groups', requiredGroups)];
  const exempt = [...named('users', exemptUsers), ...named('groups', exemptGroups)];
  return [
    ...(policy.observe ? ['WARNING: nobody is asked yet; the log has what would happen (observe)'] : []),
    required.length === 0
      ? 'required of everybody who is not exempt'
      : `required of ${required.join('; ')}; of nobody else`,
    exempt.length === 0 ? 'nobody is exempt' : `exempt: ${exempt.join('; ')}`,
    policy.graceMs === 0 ? 'every login asks' : `not asked again for ${policy.graceMs / 1000} s after a login`,
    failMode === 'secure'
      ? 'while no server can be reached nobody enters (failMode = "secure")'
      : `WARNING: while no server can be reached everybody enters without it (failMode = "safe": ${failSafeOn.join(', ')})`,
    ...(offlineUsers.length === 0
      ? []
      : [`WARNING: while no server can be reached these enter without it: ${offlineUsers.join(', ')} (offlineUsers)`]),
  ];
}

function named(what: string, names: readonly string[]): readonly string[] {
  return names.length === 0 ? [] : [`the ${what} ${names.join(', ')}`];
}
