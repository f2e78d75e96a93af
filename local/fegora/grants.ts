// The token endpoint: checks a grant and issues tokens. Called by server.ts.
import { randomBytes } from 'node:crypto';
import type { Form } from './form.ts';
import type { Passwords } from './passwords.ts';
import type { RefreshRows } from './refresh-rows.ts';
import type { FegoraSettings } from './settings.ts';

/** The result of a request to the token endpoint, before any fault changes it. */
export interface Answer {
  readonly outcome: 'issued' | 'refreshed' | 'refused' | 'bad_request' | 'crashed';
  readonly status: number;
  /** Absent if the server answers its HTML error page. */
  readonly json?: Readonly<Record<string, string | number>>;
}

/** The token endpoint, and the tokens that it issued. */
export interface Grants {
  /** Answers a request. `snapshot` is the state of the table of refresh tokens when the request arrived. */
  readonly answer: (form: Form, snapshot: number) => Answer;
  /** The user of a bearer token. Undefined if the token is unknown, expired or invalidated by `changeKey`. */
  readonly whoami: (accessToken: string) => string | undefined;
  /** Deletes the refresh token of a request, and ends there: a server that fails before it writes the successor. */
  readonly dropRefreshToken: (form: Form) => void;
  /** Logs a user in from somewhere else, as the web portal does: only the table of refresh tokens shows it. */
  readonly logInElsewhere: (username: string) => void;
  /** Invalidates every token, as a new machine key on the server does. Refresh tokens too. */
  readonly changeKey: () => void;
}

interface Server {
  readonly settings: FegoraSettings;
  readonly passwords: Passwords;
  readonly rows: RefreshRows;
  readonly now: () => number;
}

interface Login {
  readonly username: string;
  readonly clientId: string;
  readonly snapshot: number;
}

type Issue = (login: Login, outcome: 'issued' | 'refreshed') => Answer;

/** Answers as ASP.NET Katana does with its usual provider: it checks `client_id` first. */
export function createGrants(server: Server): Grants {
  const { settings } = server;
  const tokens = createTokens(server);
  return {
    answer: (form, snapshot) => {
      const clientId = form.get('client_id') ?? '';
      if (clientId !== '' && clientId !== settings.clientId) {
        return badRequest('invalid_clientId', `Client '${clientId}' is not registered in the system.`);
      }
      switch (form.get('grant_type')) {
        case 'password':
          return logIn(server, tokens.issue, form, { username: form.get('username') ?? '', clientId, snapshot });
        case 'refresh_token':
          return refresh(server, tokens.issue, form, snapshot);
        default:
          return badRequest('unsupported_grant_type');
      }
    },
    dropRefreshToken: (form) => void server.rows.take(form.get('refresh_token') ?? ''),
    logInElsewhere: (username) => {
      tokens.issue({ username, clientId: settings.clientId, snapshot: server.rows.snapshot() }, 'issued');
    },
    whoami: tokens.whoami,
    changeKey: tokens.changeKey,
  };
}

function logIn(server: Server, issue: Issue, form: Form, login: Login): Answer {
  return server.passwords.accepts(login.username, form.get('password') ?? '')
    ? issue(login, 'issued')
    : refused(server.settings.refusal);
}

function refresh(server: Server, issue: Issue, form: Form, snapshot: number): Answer {
  const row = server.rows.take(form.get('refresh_token') ?? '');
  if (row === undefined) {
    return refused();
  }
  return row.clientId === form.get('client_id')
    ? issue({ username: row.username, clientId: row.clientId, snapshot }, 'refreshed')
    : badRequest('invalid_clientId', 'Refresh token is issued to a different clientId.');
}

type Tokens = Pick<Grants, 'whoami' | 'changeKey'> & { readonly issue: Issue };

function createTokens({ settings, rows, now }: Server): Tokens {
  let tokens = new Map<string, { readonly username: string; readonly expiresAt: number }>();
  return {
    issue: ({ username, clientId, snapshot }, outcome) => {
      const refreshToken = `not-a-real-refresh-${randomBytes(16).toString('hex')}`;
      // Without a client the server issues no refresh token, so it does not read the table.
      if (clientId !== '' && !rows.replace({ token: refreshToken, username, clientId }, snapshot)) {
        return { outcome: 'crashed', status: 500 };
      }
      const lifetimeSeconds = settings.lifetimes[username] ?? settings.lifetimeSeconds;
      const issuedAt = Math.floor(now() / 1000) * 1000;
      const expiresAt = issuedAt + lifetimeSeconds * 1000;
      const accessToken = `not-a-real-token-${randomBytes(144).toString('base64url')}`;
      tokens.set(accessToken, { username, expiresAt });
      const json = {
        access_token: accessToken,
        token_type: 'bearer',
        expires_in: lifetimeSeconds - 1,
        ...(clientId !== '' && { refresh_token: refreshToken }),
        'as:client_id': clientId,
        userName: username,
        '.issued': new Date(issuedAt).toUTCString(),
        '.expires': new Date(expiresAt).toUTCString(),
      };
      return { outcome, status: 200, json };
    },
    whoami: (accessToken) => {
      const token = tokens.get(accessToken);
      return token !== undefined && now() < token.expiresAt ? token.username : undefined;
    },
    changeKey: () => {
      tokens = new Map();
      rows.changeKey();
    },
  };
}

function refused(description?: string): Answer {
  return { ...badRequest('invalid_grant', description), outcome: 'refused' };
}

function badRequest(error: string, description?: string): Answer {
  const json = { error, ...(description !== undefined && { error_description: description }) };
  return { outcome: 'bad_request', status: 400, json };
}
