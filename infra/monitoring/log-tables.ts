// Has the queries on the logs whose results the dashboard shows as tables. Called by dashboard.ts.
import type { IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { table } from './widgets.ts';

/** Codes with their accounts and callers. Failed commands of operators are left out: the operator has seen the failure. */
export function failures(log: ILogGroup, width: number): IWidget {
  return table('Failed and refused calls and warm-ups', width, log, [
    'filter audit in ["failure", "denial"] and authority != "admin"',
    'fields coalesce(caller_role, caller) as arn, substr(timestamp, 5, 11) as minute',
    'parse arn /(?<who>[^:]*)$/',
    'stats count(*) as calls, latest(minute) as last_seen by code, account, who',
    'sort calls desc',
    'limit 100',
  ]);
}

/** API Gateway writes a hyphen as the error type if the answer is that of the function. */
export function gatewayAnswers(accessLog: ILogGroup, width: number): IWidget {
  return table('Calls that API Gateway answered itself', width, accessLog, [
    'filter error_type != "-"',
    'parse caller /(?<who>[^:]*)$/',
    'stats count(*) as calls by status, error_type, who, source_ip',
    'sort calls desc',
    'limit 50',
  ]);
}

/** How many logins each account had, and how they ended. */
export function loginsByAccount(log: ILogGroup, width: number): IWidget {
  return table('Logins, by account', width, log, [
    'filter message = "login"',
    'stats count(*) as logins by account, outcome',
    'sort logins desc',
    'limit 100',
  ]);
}

/**
 * Which versions of the function have written into the log. The name of a stream has the version in it.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
 */
export function versions(log: ILogGroup, width: number): IWidget {
  return table('Versions of the function', width, log, [
    'filter ispresent(service)',
    'parse @logStream /\\[(?<version>[^\\]]+)\\]/',
    'fields substr(timestamp, 5, 11) as minute',
    'stats earliest(minute) as first_seen, latest(minute) as last_seen by version',
    'sort first_seen desc',
    'limit 20',
  ]);
}

/** Everything but the warm-ups of the schedule: a command has one result, and so has a new secret of one account. */
export function tasks(log: ILogGroup, width: number): IWidget {
  return table('New passwords, commands of operators', width, log, [
    'filter audit = "task" and task != "warm" and ispresent(results.0.account)',
    'sort @timestamp desc',
    'limit 50',
    'fields substr(timestamp, 5, 11) as minute, results.0.account as target, results.0.outcome as outcome',
    'display minute, task, target, outcome',
  ]);
}

/** With which version of its secret each account got the tokens that were issued. */
export function secretVersions(log: ILogGroup, width: number): IWidget {
  return table('Secret versions that tokens come from', width, log, [
    'filter audit = "issue"',
    'fields substr(secret_version, 0, 8) as version, substr(timestamp, 5, 11) as minute',
    'stats earliest(minute) as first_seen, count(*) as tokens by account, version',
    'sort first_seen desc',
    'limit 50',
  ]);
}
