// The floor of all measurements: a handler that does nothing. Built by contestants.ts.
/** Returns a constant. Its times are those of the machine, Node and the runtime client. */
export const handler = async (): Promise<object> => ({
  statusCode: 200,
  headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
  body: '{"access_token":"not-a-real-token","token_type":"bearer","expires_in":1799}',
});
