/** Answers a constant: what the machine, Node and the runtime client take by themselves. */
export const handler = async (): Promise<object> => ({
  statusCode: 200,
  headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
  body: '{"access_token":"not-a-real-token","token_type":"bearer","expires_in":1799}',
});
