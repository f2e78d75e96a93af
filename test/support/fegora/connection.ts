// Wraps or fakes the connections of the login port. Used by tests that put something between the broker and Fegora.
import type { FailedLogin } from '../../../lambda/broker/login/login-outcome.ts';
import type { LoginConnection } from '../../../lambda/broker/ports.ts';

type Send = LoginConnection['send'];

/** Returns the connection with another way to send. A connection that failed stays as it is. */
export function overConnection(
  connection: LoginConnection | FailedLogin,
  send: (inner: Send, ...args: Parameters<Send>) => ReturnType<Send>,
): LoginConnection | FailedLogin {
  return connection.kind === 'failed'
    ? connection
    : { ...connection, send: (...args) => send(connection.send, ...args) };
}

/** Returns an open connection that sends with this function. */
export function connected(send: Send): LoginConnection {
  return { kind: 'connected', send, close: () => {} };
}
