import { type DecisionFilter, type LoggedDecision, matches, readDecision } from './decisions.ts';
import { eachLine, type LogSource } from './log-source.ts';

/** The last `limit` decisions that match, oldest first. A string says why the log cannot be read. */
export async function lastDecisions(
  source: LogSource,
  filter: DecisionFilter,
  limit: number,
): Promise<readonly LoggedDecision[] | string> {
  let found: LoggedDecision[] = [];
  const fault = await eachLine(source, line => {
    const decision = readDecision(line);
    if (decision === undefined || !matches(decision, filter)) return;
    found.push(decision);
    if (found.length >= 2 * limit) found = found.slice(-limit); // seldom, and not for each line
  });
  return fault ?? found.slice(-limit);
}
