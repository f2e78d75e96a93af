// Runs the bundled handler on this machine, against `npm start` of a clone. Run as README.md says.
const [endpoint, fegora] = process.argv.slice(2);
if (fegora === undefined) {
  throw new Error('an address is missing: pass the addresses that `npm start` prints after "gateway" and "Fegora"');
}

// What Lambda would have in its environment. The keys are invented: the local run gives them a right on account demo-a.
Object.assign(process.env, {
  FEGORA_BROKER_ENDPOINT: endpoint,
  FEGORA_BROKER_ACCOUNT: 'demo-a',
  FEGORA_ORIGIN: new URL(fegora).origin,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local-first',
  AWS_SECRET_ACCESS_KEY: 'not-a-real-key-first',
  AWS_SESSION_TOKEN: 'local-session-token',
});

// The handler reads its environment when it is loaded.
const { handler } = await import('./dist/index.mjs');
console.log(await handler({ path: '/api/whoami', document: {} }));
