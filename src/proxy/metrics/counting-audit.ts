/** Whatever has an audit line is counted: what the log tells and what the metrics tell cannot part. */
import type { AuditNotes } from '../../audit/audit-log.ts';
import type { AuditLog } from '../../auth/ports.ts';
import type { Counters } from './counters.ts';

type Note = Parameters<AuditNotes['note']>[0];

export function countingAudit(audit: AuditLog & AuditNotes, counters: Counters): AuditLog & AuditNotes {
  return {
    decision(event) {
      audit.decision(event);
      counters.add('trasa_proxy_logins_total', { decision: event.decision, by: event.reason });
    },
    note(event) {
      audit.note(event);
      count(event, counters);
    },
  };
}

function count(event: Note, counters: Counters): void {
  switch (event.event) {
    case 'session-start':
      return counters.add('trasa_proxy_sessions_started_total');
    case 'session-end':
      counters.add('trasa_proxy_sessions_ended_total');
      counters.add('trasa_proxy_session_seconds_total', {}, numberOf(event['totalMs']) / 1000);
      return counters.add('trasa_proxy_output_bytes_total', {}, numberOf(event['outputBytes']));
    case 'channel-start':
      return counters.add('trasa_proxy_channels_total', { kind: known(event['kind'], channelKinds) });
    case 'channel-refused':
      return counters.add('trasa_proxy_refused_total', { kind: known(event['type'], refusedTypes) });
    case 'recording-sealed':
      return counters.add('trasa_proxy_recordings_total', { state: 'sealed' });
    case 'not-recorded':
      return counters.add('trasa_proxy_recordings_total', { state: 'failed' });
    case 'protocol-error':
      return counters.add('trasa_proxy_protocol_errors_total', { from: known(event['from'], ['client', 'host']) });
    default:
  }
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** Names that somebody sent are `other`. */
function known(value: unknown, names: readonly string[]): string {
  return names.find(name => name === value) ?? 'other';
}

const channelKinds = `shell exec sftp direct-tcpip forwarded-tcpip jump x11 auth-agent@openssh.com
direct-streamlocal@openssh.com forwarded-streamlocal@openssh.com`.split(/\s/);

const refusedTypes =
  `shell exec subsystem env pty-req x11-req auth-agent-req@openssh.com session direct-tcpip forwarded-tcpip tcpip-forward
x11 auth-agent@openssh.com direct-streamlocal@openssh.com forwarded-streamlocal@openssh.com
streamlocal-forward@openssh.com`.split(/\s/);
