// Writes the texts that `npm start` prints. Called by start.ts.
import { styleText } from 'node:util';
import type { Caller } from './gateway/callers.ts';
import type { LocalRun } from './local-run.ts';
import { usersToAdd } from './services.ts';
import { callerVariables, exportLines } from './variables.ts';

/** The answer to the first call. */
export interface FirstCall {
  readonly status: number;
  readonly account: string;
  /** The members of the answer's body. */
  readonly body: ReadonlyMap<string, unknown>;
}

/** The URLs of the gateway and of all services. `port` is the one that the gateway should have. 0: any. */
export function describeRun(run: LocalRun, port = 0): string {
  const { config, given } = run.settings;
  const secretIds = [...config.accounts.values()].join(', ');
  // A URL leaves the port 80 out.
  const another = new URL(run.gateway.url).port || '80';
  return rows('fegora-token-broker, local run', [
    ...(port === 0 || another === String(port)
      ? []
      : [['port', `${port} is in use or refused, so the gateway has ${another} (--port chooses one)`] as const]),
    ['gateway', `${run.gateway.url}  POST /token, POST /token/{account}; Lambda Invoke of ${run.gateway.functionName}`],
    ['Fegora', `${run.tokenUrl}  ${origin(given.tokenUrl, 'simulator')}`],
    ['Secrets Manager', `${run.secretsUrl}  ${origin(given.secretsUrl, 'emulator')}: ${secretIds}`],
    ['DynamoDB', `${run.tableUrl}  ${origin(given.tableUrl, 'embedded')}: ${config.tableName}`],
  ]);
}

function origin(given: string | undefined, builtIn: string): string {
  return given === undefined ? builtIn : 'set in the environment';
}

/** The answer to the first call. It shows the token only if `showToken` is true. */
export function describeCall({ status, account, body }: FirstCall, run: LocalRun, showToken: boolean): string {
  const title = `first call: POST /token/${account}, signed, answered ${status}`;
  if (status !== 200) {
    return rows(title, [
      ['error', text(body.get('error'))],
      ['description', text(body.get('error_description'))],
      ['request', text(body.get('request_id'))],
      ['log', 'start again with --verbose to see the log on standard error'],
    ]);
  }
  return rows(title, [
    ['account', text(body.get('account'))],
    ['token_sha256', text(body.get('token_sha256'))],
    ['seconds left', text(body.get('expires_in'))],
    ['source', text(body.get('source'))],
    [
      'logins made',
      run.simulator === undefined
        ? 'unknown, since this Fegora is not the simulator'
        : String(run.simulator.counters().logins),
    ],
    ...(showToken ? [['token', text(body.get('access_token'))] as const] : []),
  ]);
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** The command lines to try next from another shell. */
export function describeNext(run: LocalRun): string {
  const { callers, settings } = run;
  const { all, first, tenant, none } = callers;
  return [
    heading('call the broker from another shell'),
    `  ${curlLine(run, all, settings.defaultAccount)}`,
    rows(
      'the same with other rights: replace --user ... with',
      [first, tenant, none].map((caller) => [caller.title, signature(caller)]),
    ),
    ...describeRefusal(run),
    heading(
      'set the variables of a caller in another shell: for the client, and for the command line with its --endpoint',
    ),
    ...exportLines(callerVariables(run)).map((line) => `  ${line}`),
    ...(run.simulator === undefined
      ? []
      : [heading('see which requests Fegora received'), `  curl -s --noproxy '*' ${run.simulator.origin}/_control`]),
    ...describeTenants(run),
    heading('invoke the function directly'),
    `  ${invokeLine(run, all)}`,
    heading('run commands as an operator'),
    ...operatorLines(run).map((line) => `  ${line}`),
    styleText('dim', 'Press Ctrl-C to stop.', { stream: process.stdout }),
  ].join('\n');
}

/** A call that is refused: the caller has no rights on the account. Empty if there is only one account. */
function describeRefusal(run: LocalRun): readonly string[] {
  const { config, defaultAccount } = run.settings;
  const another = [...config.accounts.keys()].find((account) => account !== defaultAccount);
  const { first } = run.callers;
  return another === undefined
    ? []
    : [heading(`refused: a call for ${another} with rights on ${first.title}`), `  ${curlLine(run, first, another)}`];
}

/** How a worker starts a session for one tenant. Empty if there is only one account. */
function describeTenants({ gateway, callers, settings }: LocalRun): readonly string[] {
  const { config, defaultAccount, region } = settings;
  const another = [...config.accounts.keys()].find((account) => account !== defaultAccount);
  const [role] = callers.worker.roles ?? [];
  if (another === undefined || role === undefined) {
    return [];
  }
  const assume = `aws sts assume-role --endpoint-url ${gateway.url} --region ${region} --role-arn ${role.arn}`;
  const session = `--role-session-name worker --tags Key=${role.sessionTag},Value=${another}`;
  return [
    heading(`get keys for the account of one tenant, ${another}`),
    `  ${as(callers.worker)} ${assume} ${session}`,
  ];
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
  const [add = ''] = usersToAdd.map((one) => `accounts add ${one} --username user-of-${one}`);
  if (secrets === undefined) {
    return [`${broker} status`];
  }
  const withSecrets = `${broker} --secrets-endpoint ${secrets.url}`;
  return config.openAccounts
    ? ['status', set, add].map((line) => `${withSecrets} ${line}`)
    : [`${broker} status`, `${withSecrets} ${set}`];
}

/** A call that curl signs. The answer shows the token. */
function curlLine({ gateway, settings }: LocalRun, caller: Caller, account: string): string {
  const signer = `--aws-sigv4 aws:amz:${settings.region}:execute-api`;
  return `curl -s -i --noproxy '*' -X POST ${gateway.url}/token/${account} ${signer} ${signature(caller)}`;
}

function signature({ accessKeyId, secretAccessKey, sessionToken }: Caller): string {
  const session = sessionToken === undefined ? '' : ` -H x-amz-security-token:${sessionToken}`;
  return `--user ${accessKeyId}:${secretAccessKey}${session}`;
}

/**
 * The start of a command line: sets the caller's keys, and removes a profile of the shell, which would win over them.
 */
function as({ accessKeyId, secretAccessKey }: Caller): string {
  const keys = `AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}`;
  return `env -u AWS_PROFILE -u AWS_SESSION_TOKEN ${keys}`;
}

type Row = readonly [name: string, value: string];

function rows(title: string, lines: readonly Row[]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return [heading(title), ...lines.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)].join('\n');
}

/** Bold if standard output is a terminal with colours. */
function heading(title: string): string {
  return styleText('bold', title, { stream: process.stdout });
}
