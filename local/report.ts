import { styleText } from 'node:util';
import type { Caller } from './gateway/callers.ts';
import type { LocalRun } from './local-run.ts';

/** What the first call brought. */
export interface FirstCall {
  readonly status: number;
  readonly account: string;
  /** The answer's members. */
  readonly body: ReadonlyMap<string, unknown>;
}

/** Where everything is. */
export function describeRun(run: LocalRun): string {
  const { config, given } = run.settings;
  const secretIds = [...config.accounts.values()].join(', ');
  return rows('fegora-token-broker, local run', [
    ['gateway', `${run.gateway.url}  POST /token, POST /token/{account}; Lambda Invoke of ${run.gateway.functionName}`],
    ['Fegora', `${run.tokenUrl}  ${origin(given.tokenUrl, 'simulator')}`],
    ['Secrets Manager', `${run.secretsUrl}  ${origin(given.secretsUrl, 'emulator')}: ${secretIds}`],
    ['DynamoDB', `${run.tableUrl}  ${origin(given.tableUrl, 'embedded')}: ${config.tableName}`],
  ]);
}

function origin(given: string | undefined, builtIn: string): string {
  return given === undefined ? builtIn : 'as the environment says';
}

/** What the first call brought. Never the token, unless asked for. */
export function describeCall({ status, account, body }: FirstCall, run: LocalRun, showToken: boolean): string {
  const title = `first call: POST /token/${account}, signed, answered ${status}`;
  if (status !== 200) {
    return rows(title, [
      ['error', text(body.get('error'))],
      ['description', text(body.get('error_description'))],
      ['request', text(body.get('request_id'))],
      ['log', 'says more of it, with --verbose on standard error'],
    ]);
  }
  return rows(title, [
    ['account', text(body.get('account'))],
    ['fingerprint', text(body.get('token_sha256'))],
    ['seconds left', text(body.get('expires_in'))],
    ['source', text(body.get('source'))],
    ['logins made', run.simulator === undefined ? 'not counted here' : String(run.simulator.counters().logins)],
    ...(showToken ? [['token', text(body.get('access_token'))] as const] : []),
  ]);
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** How to go on from another shell. */
export function describeNext(run: LocalRun): string {
  const { callers, settings } = run;
  const { all, first, none } = callers;
  return [
    heading('call it from another shell'),
    `  ${curlLine(run, all, settings.defaultAccount)}`,
    rows(
      'with other rights, in place of --user ...',
      [first, none].map((caller) => [caller.title, signature(caller)]),
    ),
    ...describeRefusal(run),
    ...(run.simulator === undefined
      ? []
      : [heading('what reached Fegora'), `  curl -s ${run.simulator.origin}/_control`]),
    heading('without the gateway'),
    `  ${invokeLine(run, all)}`,
    heading('as an operator'),
    ...operatorLines(run).map((line) => `  ${line}`),
    styleText('dim', 'Ctrl-C ends it.', { stream: process.stdout }),
  ].join('\n');
}

/** A call of another account by one who may not, where there is another. */
function describeRefusal(run: LocalRun): readonly string[] {
  const { config, defaultAccount } = run.settings;
  const another = [...config.accounts.keys()].find((account) => account !== defaultAccount);
  const { first } = run.callers;
  return another === undefined
    ? []
    : [heading(`refused: ${another}, with rights on ${first.title}`), `  ${curlLine(run, first, another)}`];
}

function invokeLine({ gateway, settings }: LocalRun, caller: Caller): string {
  const invoke = `aws lambda invoke --endpoint-url ${gateway.url} --region ${settings.region}`;
  const target = `--function-name ${gateway.functionName} --qualifier account-${settings.defaultAccount}`;
  return `${as(caller)} ${invoke} ${target} /dev/stdout`;
}

function operatorLines({ gateway, callers, settings, secrets }: LocalRun): readonly string[] {
  const { defaultAccount: account, config, region } = settings;
  const broker = `${as(callers.operator)} npm run broker -- --endpoint ${gateway.url} --region ${region}`;
  const set = `credentials set ${account} --secret-id ${config.accounts.get(account)}`;
  return [`${broker} status`, ...(secrets === undefined ? [] : [`${broker} --secrets-endpoint ${secrets.url} ${set}`])];
}

/** A call that curl signs. Its answer shows the token. */
function curlLine({ gateway, settings }: LocalRun, caller: Caller, account: string): string {
  const signer = `--aws-sigv4 aws:amz:${settings.region}:execute-api`;
  return `curl -s -i -X POST ${gateway.url}/token/${account} ${signer} ${signature(caller)}`;
}

function signature({ accessKeyId, secretAccessKey, sessionToken }: Caller): string {
  const session = sessionToken === undefined ? '' : ` -H x-amz-security-token:${sessionToken}`;
  return `--user ${accessKeyId}:${secretAccessKey}${session}`;
}

/** The start of a command line, with the caller's keys and without any that the shell may have: a profile would win. */
function as({ accessKeyId, secretAccessKey }: Caller): string {
  const keys = `AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}`;
  return `env -u AWS_PROFILE -u AWS_SESSION_TOKEN ${keys}`;
}

type Row = readonly [name: string, value: string];

function rows(title: string, lines: readonly Row[]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return [heading(title), ...lines.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)].join('\n');
}

/** Bold where a terminal is attached and colours are wanted. */
function heading(title: string): string {
  return styleText('bold', title, { stream: process.stdout });
}
